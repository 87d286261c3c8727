//! What the configuration says of a place beside its type.

use super::{Kind, Slot, Template, TemplateFault, slot::Pattern};

/// What is said of one place. Of a text `min` and `max` are its length in characters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refinement {
    /// The least.
    pub min: Option<f64>,
    /// The most.
    pub max: Option<f64>,
    /// A regular expression that the whole value matches.
    pub pattern: Option<String>,
    /// The only values, of an enum; of a flag the only options; of a command the only programs.
    pub one_of: Option<Vec<String>>,
    /// What it is, for a model.
    pub description: Option<String>,
}

impl Template {
    /// The template, with this said of its places.
    ///
    /// # Errors
    /// Something is said of a place that there is not, or that does not fit its type; and what only holds
    /// of the whole, such as a list that nothing stands in.
    pub fn refine<'r>(
        mut self,
        refinements: impl IntoIterator<Item = (&'r str, &'r Refinement)>,
    ) -> Result<Self, TemplateFault> {
        for (name, refinement) in refinements {
            let names = self.named();
            let slot = self.slots.iter_mut().find(|slot| slot.name == name);
            let slot = slot.ok_or_else(|| TemplateFault::NoSuchSlot(name.to_owned(), names))?;
            slot.refine(refinement)?;
        }
        for slot in &mut self.slots {
            let kind = std::mem::replace(&mut slot.kind, Kind::Strict);
            slot.kind = kind.settled(&slot.name)?;
        }
        for word in &self.arguments {
            word.judge(&self.slots)?;
        }
        Ok(self)
    }

    fn named(&self) -> String {
        let names = self.slots.iter().map(|slot| format!("`{{{}}}`", slot.name));
        match self.slots.is_empty() {
            true => "none".to_owned(),
            false => names.collect::<Vec<_>>().join(", "),
        }
    }
}

impl Slot {
    fn refine(&mut self, said: &Refinement) -> Result<(), TemplateFault> {
        if let Some(items) = &said.one_of {
            let kind = std::mem::replace(&mut self.kind, Kind::Strict);
            self.kind = kind.listing(items.clone(), &self.name)?;
        }
        if let Some(pattern) = &said.pattern {
            if !self.kind.is_text() {
                return Err(self.unfit("pattern"));
            }
            let read = Pattern::new(pattern);
            let pattern = read.map_err(|why| TemplateFault::BadPattern(self.name.clone(), why))?;
            self.pattern = Some(pattern);
        }
        self.min = self.bound("min", said.min)?;
        self.max = self.bound("max", said.max)?;
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            return Err(TemplateFault::BadBound("min", self.name.clone()));
        }
        self.description.clone_from(&said.description);
        Ok(())
    }

    fn bound(&self, key: &'static str, bound: Option<f64>) -> Result<Option<f64>, TemplateFault> {
        let Some(bound) = bound else { return Ok(None) };
        let is_whole = bound.fract() == 0.0;
        let fits = match &self.kind {
            Kind::Number => bound.is_finite(),
            Kind::Int => is_whole,
            kind if kind.is_text() => is_whole && bound >= 0.0,
            _ => return Err(self.unfit(key)),
        };
        match fits {
            true => Ok(Some(bound)),
            false => Err(TemplateFault::BadBound(key, self.name.clone())),
        }
    }

    fn unfit(&self, key: &'static str) -> TemplateFault {
        TemplateFault::Unfit(key, self.name.clone(), self.kind.word())
    }
}
