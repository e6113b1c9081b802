//! Translations of addresses and ports, as nft writes them.

use super::{Family, Nat, Operand, Reader, Register, effects, range, relation, values};

impl Reader<'_> {
    /// The first and the last of a range in two registers, each written by `write`.
    pub(super) fn ends(
        &mut self,
        registers: (Register, Register),
        length: usize,
        kind: values::Kind,
        parts: &mut Vec<u16>,
    ) -> (String, Option<String>) {
        let first = self.registers.take(registers.0, length);
        let first_text = self.value(&first.operand, kind, false);
        let mapped = matches!(first.operand, Operand::Mapped { .. });
        parts.extend(first.parts);
        if registers.0 == registers.1 || mapped {
            return (first_text, None);
        }
        let last = self.registers.take(registers.1, length);
        let last_text = self.value(&last.operand, kind, false);
        parts.extend(last.parts);
        let last_text = Some(last_text).filter(|last| *last != first_text);
        (first_text, last_text)
    }

    /// The prefix that the addresses in two registers are the first and the last of.
    fn prefix(&self, registers: (Register, Register), length: usize) -> Option<String> {
        let [first, last] = [registers.0, registers.1].map(|register| self.registers.take(register, length).operand);
        let (Operand::Constant(first), Operand::Constant(last)) = (first, last) else { return None };
        Some(values::range(values::Kind::Address, &first, &last, false)).filter(|text| text.contains('/'))
    }

    /// The first and the last port.
    fn port_ends(&mut self, ports: (Register, Register), parts: &mut Vec<u16>) -> (String, Option<String>) {
        self.keeps = true;
        let ends = self.ends(ports, 2, values::Kind::Integer, parts);
        self.keeps = false;
        ends
    }

    /// `masquerade to :1024-2048 random`.
    pub(super) fn ports(&mut self, name: &str, ports: Option<(Register, Register)>, flags: u32) -> (String, Vec<u16>) {
        let mut parts = Vec::new();
        let to = ports.map(|ports| match self.port_ends(ports, &mut parts) {
            (first, Some(last)) => format!(" to :{first}-{last}"),
            (first, None) => format!(" to :{first}"),
        });
        (format!("{name}{}{}", to.unwrap_or_default(), effects::range_flags(flags)), parts)
    }

    /// `dnat ip to 10.0.0.1:80`.
    pub(super) fn nat(&mut self, nat: &Nat) -> (String, Vec<u16>) {
        let mut parts = Vec::new();
        let mut text = if nat.destination { "dnat" } else { "snat" }.to_owned();
        let addresses = nat.addresses.map(|registers| {
            let length = if nat.family == Family::Ip6 { 16 } else { 4 };
            let mapped = match self.registers.take(registers.0, length).operand {
                Operand::Mapped { set, .. } => self.scope().set(&set),
                _ => None,
            };
            (self.ends(registers, length, values::Kind::Address, &mut parts), mapped)
        });
        let given = addresses.as_ref().and_then(|(_, mapped)| *mapped);
        // A map that gives an address and a port.
        let both = given.is_some_and(|set| set.data_type.unwrap_or_default() > 0x3f);
        let ranges = given.is_some_and(relation::gives_ranges);
        let ports = nat.ports.filter(|_| !both).map(|ports| self.port_ends(ports, &mut parts));
        let prefix = nat.flags & range::NETMAP != 0;
        if addresses.is_some() && (both || ranges || prefix || !matches!(self.table.family, Family::Ip | Family::Ip6)) {
            match nat.family {
                Family::Ip => text.push_str(" ip"),
                Family::Ip6 => text.push_str(" ip6"),
                Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => {}
            }
        }
        if prefix {
            text.push_str(" prefix");
        }
        if addresses.is_some() || ports.is_some() {
            text.push_str(" to ");
        }
        let brackets = nat.family == Family::Ip6 && ports.is_some();
        let address = |text: String| if brackets { format!("[{text}]") } else { text };
        // With a port behind it, nft itself could not read a prefix.
        let net = nat
            .addresses
            .filter(|_| ports.is_none())
            .and_then(|registers| self.prefix(registers, if nat.family == Family::Ip6 { 16 } else { 4 }));
        if let Some(net) = net {
            text.push_str(&net);
        } else if let Some(((first, last), _)) = addresses {
            text.push_str(&address(first));
            if let Some(last) = last {
                text.push('-');
                text.push_str(&address(last));
            }
        }
        if let Some((first, last)) = ports {
            text.push(':');
            text.push_str(&first);
            if let Some(last) = last {
                text.push('-');
                text.push_str(&last);
            }
        }
        text.push_str(&effects::range_flags(nat.flags));
        (text, parts)
    }
}
