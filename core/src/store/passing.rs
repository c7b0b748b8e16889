//! What a test's store that changes one thing passes on unchanged to the store below it.

/// Writes these methods of [`super::Read`] and [`super::Store`] as calls of the same ones of a field.
macro_rules! pass_on {
    ($below:tt; $($method:ident)+) => {
        $($crate::store::pass_on!(@ $below $method);)+
    };
    (@ $below:tt get) => {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, $crate::store::StoreError> {
            self.$below.get(key)
        }
    };
    (@ $below:tt scan) => {
        fn scan(
            &self,
            prefix: &[u8],
            after: Option<&[u8]>,
            limit: usize,
        ) -> Result<Vec<$crate::store::Row>, $crate::store::StoreError> {
            self.$below.scan(prefix, after, limit)
        }
    };
    (@ $below:tt submit) => {
        fn submit(&self, records: Vec<$crate::store::Record>, done: $crate::store::Done) {
            self.$below.submit(records, done);
        }
    };
    (@ $below:tt derive) => {
        fn derive(
            &self,
            writes: $crate::store::Writes,
        ) -> Result<(), $crate::store::StoreError> {
            self.$below.derive(writes)
        }
    };
    (@ $below:tt record) => {
        fn record(
            &self,
            at: $crate::store::Position,
        ) -> Result<Option<$crate::store::Record>, $crate::store::StoreError> {
            self.$below.record(at)
        }
    };
    (@ $below:tt position) => {
        fn position(&self) -> $crate::store::Position {
            self.$below.position()
        }
    };
    (@ $below:tt read) => {
        fn read(&self) -> Box<dyn $crate::store::Read + '_> {
            self.$below.read()
        }
    };
    (@ $below:tt verify) => {
        fn verify(&self) -> Result<$crate::store::Verified, $crate::store::StoreError> {
            self.$below.verify()
        }
    };
    (@ $below:tt reopen) => {
        fn reopen(&self) -> Result<(), $crate::store::StoreError> {
            self.$below.reopen()
        }
    };
    (@ $below:tt opened) => {
        fn opened(&self) -> $crate::store::Opened {
            self.$below.opened()
        }
    };
}

pub(crate) use pass_on;
