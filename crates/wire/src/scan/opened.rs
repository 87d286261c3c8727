//! What is open while a value is read.

/// What can be open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Object,
    Array,
}

/// What is open within a value, the innermost last: a bit each, so that only deep ones need memory.
#[derive(Default)]
pub(super) struct Opened {
    /// The last up to 64; set where it is an array.
    last: u64,
    count: u32,
    before: Vec<u64>,
}

impl Opened {
    pub(super) fn push(&mut self, kind: Open) {
        if self.count == u64::BITS {
            self.before.push(self.last);
            self.count = 0;
        }
        self.last = self.last << 1 | u64::from(kind == Open::Array);
        self.count += 1;
    }

    pub(super) fn pop(&mut self) {
        self.last >>= 1;
        self.count -= 1;
        if self.count == 0
            && let Some(before) = self.before.pop()
        {
            (self.last, self.count) = (before, u64::BITS);
        }
    }

    pub(super) fn innermost(&self) -> Option<Open> {
        match (self.count, self.last & 1) {
            (0, _) => None,
            (_, 0) => Some(Open::Object),
            (_, _) => Some(Open::Array),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_stack_however_deep(steps in proptest::collection::vec(0_u8..5, 0..400)) {
            let (mut opened, mut model) = (Opened::default(), Vec::new());
            for step in steps {
                match step {
                    0 => {
                        if model.pop().is_some() {
                            opened.pop();
                        }
                    }
                    1 | 2 => {
                        opened.push(Open::Object);
                        model.push(Open::Object);
                    }
                    _ => {
                        opened.push(Open::Array);
                        model.push(Open::Array);
                    }
                }
                prop_assert!(opened.innermost() == model.last().copied());
            }
            while model.pop().is_some() {
                opened.pop();
                prop_assert!(opened.innermost() == model.last().copied());
            }
        }
    }
}
