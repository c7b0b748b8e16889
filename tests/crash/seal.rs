//! A seal for tests: keys are numbers, and a number is as good as its key here.

use bienban_core::store::{NONCE_BYTES, SealedBytes, Sealing};

const TAG_BYTES: usize = 16;

/// Seals under a key, and opens what it or the key with the number before it sealed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TestSeal {
    /// The key.
    pub key: u32,
    /// It seals all of the store: neither the key before it is at hand, nor may anything be plain.
    pub whole: bool,
}

impl TestSeal {
    fn hash(key: u32, what: &str, parts: &[&[u8]]) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&blake3::derive_key(what, &key.to_le_bytes()));
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher
    }

    fn mix(key: u32, nonce: &[u8], context: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut stream = vec![0; bytes.len()];
        Self::hash(key, "stream", &[nonce, context]).finalize_xof().fill(&mut stream);
        stream.iter().zip(bytes).map(|(one, other)| one ^ other).collect()
    }

    fn tag(key: u32, nonce: &[u8], context: &[u8], mixed: &[u8]) -> Vec<u8> {
        let tag = Self::hash(key, "tag", &[nonce, context, mixed]).finalize();
        tag.as_bytes()[..TAG_BYTES].to_vec()
    }
}

impl Sealing for TestSeal {
    fn key(&self) -> u32 {
        self.key
    }

    fn holds(&self, key: u32) -> bool {
        key == self.key || (!self.whole && key + 1 == self.key)
    }

    fn takes_plain(&self) -> bool {
        !self.whole
    }

    fn seal(&self, key: u32, context: &[u8], plain: &[u8]) -> Option<SealedBytes> {
        // Of what is sealed, so that no two things that differ have one.
        let hash = Self::hash(key, "nonce", &[context, plain]).finalize();
        let nonce = <[u8; NONCE_BYTES]>::try_from(&hash.as_bytes()[..NONCE_BYTES]).ok()?;
        let mut sealed = Self::mix(key, &nonce, context, plain);
        sealed.extend(Self::tag(key, &nonce, context, &sealed));
        self.holds(key).then_some((nonce, sealed))
    }

    fn open(
        &self,
        key: u32,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let (mixed, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
        let good = self.holds(key) && tag == Self::tag(key, nonce, context, mixed);
        good.then(|| Self::mix(key, nonce, context, mixed))
    }
}
