//! Names of devices, where some of them stand for all that start alike (`veth+`).

/// The shortest way to say which names are meant, and which of them are not although a name with `+` has them too: `lan` and
/// `la+` are `la+`; of `la+` without `lan` it is to be said. `+` alone stands for all that no other name has.
pub fn cover(inside: &[String], outside: &[String]) -> (Vec<String>, Vec<String>) {
    let start = |name: &String| name.strip_suffix('+').filter(|start| !start.is_empty()).map(str::to_owned);
    let starts: Vec<String> = inside.iter().filter_map(start).collect();
    let covers = |start: &String, name: &String| name.starts_with(start.as_str());
    let is_covered = |name: &&String| {
        let own = start(name);
        starts.iter().filter(|one| own.as_ref() != Some(one)).any(|start| covers(start, name))
    };
    let except: Vec<String> = outside.iter().filter(is_covered).cloned().collect();
    // A name within an exception would have to be told again.
    let nested = except.iter().filter_map(start).any(|start| inside.iter().any(|name| covers(&start, name)));
    if nested {
        return (inside.to_vec(), Vec::new());
    }
    (inside.iter().filter(|name| !is_covered(name)).cloned().collect(), except)
}

#[cfg(test)]
mod tests {
    use super::cover;

    #[test]
    fn a_start_tells_what_it_has() {
        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let told = |inside: &str, outside: &str| {
            let (told, except) = cover(&names(inside), &names(outside));
            format!("{} but {}", told.join(" "), except.join(" "))
        };
        assert_eq!(told("lan la+", "eth0 +"), "la+ but ");
        assert_eq!(told("la+", "lan eth0 +"), "la+ but lan");
        assert_eq!(told("lan eth0", "la+ +"), "lan eth0 but ");
        assert_eq!(told("la+ lan+", "lan0 +"), "la+ but lan0");
        assert_eq!(told("la+ l+", "lan+ lo"), "l+ but lan+ lo");
        assert_eq!(told("la+ lan1", "lan+"), "la+ lan1 but ", "what would be told twice is told as it is");
    }
}
