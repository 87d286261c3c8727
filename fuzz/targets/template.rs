//! Command templates and values: whatever either says, a value is one argument and no option that is not listed.
#![no_main]

use durward_guard::template::{Kind, Template, definitions, path_forms, with_types_of_names};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (written, value) = text.split_once('\n').unwrap_or((text, "x"));
    for template in [written.to_owned(), with_types_of_names(written)] {
        let Ok(template) = Template::parse(&template).and_then(|it| it.refine([])) else {
            continue;
        };
        let _ = (template.to_string(), template.input_schema().to_string());
        let value = Value::String(value.to_owned());
        let judged = template.slots().iter().map(|slot| slot.judge(&value));
        let Ok(values) = judged.collect::<Result<Vec<_>, _>>() else {
            continue;
        };
        let values: Vec<String> = values.into_iter().map(|text| text.into_owned()).collect();
        let without: Vec<String> = values.iter().map(|_| "x".to_owned()).collect();
        let Ok(arguments) = template.arguments(&values) else {
            continue;
        };
        assert!(arguments.iter().all(|it| !it.contains('\0')));
        let flag = template
            .slots()
            .iter()
            .any(|slot| matches!(slot.kind(), Kind::Flag(_)));
        if let Ok(plain) = template.arguments(&without) {
            assert_eq!(arguments.len(), plain.len(), "{text:?}");
            let mut operand = false;
            for (with, without) in arguments.iter().zip(&plain) {
                let became = with.starts_with('-') && !without.starts_with('-');
                assert!(!became || operand || flag, "{text:?}: {with:?}");
                operand |= with == "--";
            }
        }
    }
    if let Ok(forms) = path_forms(value) {
        assert!(forms.len() <= 5);
    }
    for defined in definitions(text).into_iter().flatten() {
        assert!(!defined.0.is_empty());
    }
});
