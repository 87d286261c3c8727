//! From values to arguments.

use super::{Template, ValueFault, Why, word::Piece};

impl Template {
    /// The arguments for these values, one for each place in the order of [`Template::slots`], each judged by
    /// its place. As many arguments as the template has words.
    ///
    /// # Errors
    /// A word would be an option that the template does not list.
    ///
    /// # Panics
    /// There are fewer values than places.
    pub fn arguments(&self, values: &[String]) -> Result<Vec<String>, ValueFault> {
        assert_eq!(values.len(), self.slots.len(), "a value for each place");
        self.arguments
            .iter()
            .map(|word| {
                let text: String = word
                    .pieces
                    .iter()
                    .map(|piece| match piece {
                        Piece::Literal(text) => text.as_str(),
                        Piece::Slot(number) => values[*number].as_str(),
                    })
                    .collect();
                let first = word.pieces.iter().find_map(|piece| match piece {
                    Piece::Slot(number) => self.slots.get(*number),
                    Piece::Literal(_) => None,
                });
                match first {
                    Some(slot)
                        if text.starts_with('-')
                            && !word.begins_with_dash()
                            && !word.is_operand
                            && !slot.may_dash() =>
                    {
                        Err(ValueFault::new(&slot.name, Why::Dash))
                    }
                    _ => Ok(text),
                }
            })
            .collect()
    }
}
