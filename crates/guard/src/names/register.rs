//! Which names can't stand side by side, since people or models would take one for the other.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
};

use thiserror::Error;
use unicode_security::skeleton;

use super::shown;

/// How two names are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// They are the same.
    Same,
    /// They differ in case alone.
    Case,
    /// They look the same.
    Looks,
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "are the same",
            Self::Case => "differ only in case",
            Self::Looks => "look the same",
        })
    }
}

/// Two names that can't be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` and `{}` {how}", shown(.first), shown(.second))]
pub struct Collision {
    /// The one that was there.
    pub first: Arc<str>,
    /// The one that came later.
    pub second: Arc<str>,
    /// How they are alike.
    pub how: Likeness,
}

/// Names that are taken.
///
/// Names of letters and digits are alike if they differ in case, or in `0` and `O`, or in `1`, `l` and
/// `I`. Others are alike to those that Unicode has the same skeleton for (UTS #39, section 4): `gеt` with a
/// Cyrillic `е`, `ɡet`, `𝐠𝐞𝐭` and `get`. That rule is not put to two plain names, for by it `modern` is
/// `modem`.
#[derive(Debug, Clone, Default)]
pub struct Register {
    by_case: HashMap<String, Arc<str>>,
    by_shape: HashMap<String, Arc<str>>,
    by_skeleton: HashMap<String, Arc<str>>,
}

impl Register {
    /// No name is taken.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a name: as its server gave it with the server's before it, or as it is exposed.
    ///
    /// # Errors
    /// [`Collision`]; then it is not taken.
    pub fn take(&mut self, name: &str) -> Result<(), Collision> {
        let name: Arc<str> = name.into();
        let keys = Keys::of(&name);
        if let Some((first, how)) = self.twin(&name, &keys) {
            return Err(Collision {
                first: Arc::clone(first),
                second: name,
                how,
            });
        }
        if let Some(shape) = keys.shape {
            self.by_shape.insert(shape, Arc::clone(&name));
        }
        match self.by_skeleton.entry(keys.skeleton) {
            // Two plain names that are not twins: either stands for both.
            Entry::Occupied(_) => {}
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::clone(&name));
            }
        }
        self.by_case.insert(keys.case, name);
        Ok(())
    }

    fn twin(&self, name: &str, keys: &Keys) -> Option<(&Arc<str>, Likeness)> {
        if let Some(first) = self.by_case.get(&keys.case) {
            let how = match **first == *name {
                true => Likeness::Same,
                false => Likeness::Case,
            };
            return Some((first, how));
        }
        let shape = keys.shape.as_ref().and_then(|key| self.by_shape.get(key));
        let skeleton = self.by_skeleton.get(&keys.skeleton);
        let skeleton = skeleton.filter(|first| !(first.is_ascii() && name.is_ascii()));
        shape.or(skeleton).map(|first| (first, Likeness::Looks))
    }
}

/// What names are compared by.
struct Keys {
    case: String,
    /// Of a plain name.
    shape: Option<String>,
    skeleton: String,
}

impl Keys {
    fn of(name: &str) -> Self {
        Self {
            case: name.to_lowercase(),
            shape: name.is_ascii().then(|| name.chars().map(shape).collect()),
            skeleton: skeleton(name).flat_map(char::to_lowercase).collect(),
        }
    }
}

fn shape(c: char) -> char {
    match c {
        '1' | 'I' => 'l',
        '0' => 'o',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alike(first: &str, second: &str) -> Option<Likeness> {
        let mut register = Register::new();
        register.take(first).unwrap();
        register.take(second).err().map(|collision| collision.how)
    }

    #[test]
    fn case_and_looks_collide() {
        for (first, second, how) in [
            ("crm__get", "crm__get", Likeness::Same),
            ("crm__get", "crm__GET", Likeness::Case),
            ("crm__größe", "crm__GRÖßE", Likeness::Case),
            ("crm__get_1", "crm__get_l", Likeness::Looks),
            ("crm__IO", "crm__l0", Likeness::Looks),
            ("crm__get", "crm__g\u{435}t", Likeness::Looks),
            ("crm__g\u{435}t", "crm__get", Likeness::Looks),
            ("crm__get", "crm__G\u{415}T", Likeness::Looks),
            ("crm__room", "crm__r\u{3bf}om", Likeness::Looks),
            (
                "crm__get",
                "crm__\u{1d420}\u{1d41e}\u{1d42d}",
                Likeness::Looks,
            ),
            ("crm__get", "crm__\u{ff47}\u{ff45}\u{ff54}", Likeness::Looks),
            ("crm__caf\u{e9}", "crm__cafe\u{301}", Likeness::Looks),
        ] {
            assert_eq!(alike(first, second), Some(how), "{first} {second}");
        }
    }

    #[test]
    fn names_that_can_be_told_apart_stand_side_by_side() {
        let mut register = Register::new();
        for name in [
            "crm__get",
            "crm__got",
            "crm2__get",
            "crm__list_modern",
            "crm__list_modem",
            "crm__get_user",
            "crm__get-user",
            "fs_read",
            "crm__größe",
            "crm__größen",
            "crm__查找",
            "crm__查询",
            "crm__найти",
        ] {
            assert_eq!(register.take(name), Ok(()), "{name}");
        }
        // Both plain names are remembered, whichever came first.
        assert!(register.take("crm__list_m\u{43e}dem").is_err());
        assert!(register.take("crm__list_m\u{43e}dern").is_err());
    }

    #[test]
    fn a_collision_is_told_so_that_it_can_be_seen() {
        let mut register = Register::new();
        register.take("crm__get").unwrap();
        let collision = register.take("crm__GET").unwrap_err();
        assert_eq!(
            collision.to_string(),
            "`crm__get` and `crm__GET` differ only in case"
        );
        // What was refused has not taken the name.
        assert_eq!(
            register.take("crm__GET").unwrap_err().first.as_ref(),
            "crm__get"
        );
    }

    proptest! {
        #[test]
        fn likeness_goes_both_ways(first in "[a-cA-C01lIOо\u{435}é_]{1,3}", second in "[a-cA-C01lIOо\u{435}é_]{1,3}") {
            prop_assert_eq!(alike(&first, &second).is_some(), alike(&second, &first).is_some());
        }

        #[test]
        fn every_name_is_like_itself_and_its_other_case(name in "\\PC{1,20}") {
            prop_assert_eq!(alike(&name, &name), Some(Likeness::Same));
            let other = name.to_lowercase();
            prop_assert!(other.to_lowercase() != name.to_lowercase() || alike(&name, &other).is_some());
        }
    }
}
