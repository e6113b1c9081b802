//! User data: what nft keeps with its objects, as types, lengths and values of a byte, a byte and some bytes.
//!
//! libnftnl's `NFTNL_UDATA_*`; the kernel does not look at it.

/// The user data of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct UserData<'a>(pub(super) &'a [u8]);

impl<'a> UserData<'a> {
    /// The value of this type.
    pub(super) fn get(self, wanted: u8) -> Option<&'a [u8]> {
        let mut rest = self.0;
        while let [kind, length, following @ ..] = rest {
            let value = following.get(..usize::from(*length))?;
            if *kind == wanted {
                return Some(value);
            }
            rest = &following[usize::from(*length)..];
        }
        None
    }
}
