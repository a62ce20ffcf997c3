//! How a value is made safe for the text around it.

/// The language of the surrounding text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escape {
    /// XML 1.0, in an element or a quoted attribute.
    Xml,
    /// HTML, in an element or a quoted attribute.
    Html,
    /// Inside a JSON string (RFC 8259); the quotes are the template's.
    Json,
    #[default]
    None,
}

impl Escape {
    /// Appends `text` so that it cannot end the string, attribute or element it stands in.
    pub fn append(self, text: &str, out: &mut String) {
        match self {
            Escape::Xml => text.chars().for_each(|char| xml(char, out)),
            Escape::Html => text.chars().for_each(|char| html(char, out)),
            Escape::Json => text.chars().for_each(|char| json(char, out)),
            Escape::None => out.push_str(text),
        }
    }
}

fn xml(char: char, out: &mut String) {
    match char {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&apos;"),
        // A parser would make a line feed of it (XML 1.0, section 2.11).
        '\r' => out.push_str("&#13;"),
        '\t' | '\n' => out.push(char),
        // Not even a character reference may name these (section 2.2): the document would not parse.
        '\0'..'\u{20}' | '\u{FFFE}' | '\u{FFFF}' => {}
        char => out.push(char),
    }
}

fn html(char: char, out: &mut String) {
    match char {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        char => out.push(char),
    }
}

fn json(char: char, out: &mut String) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..'\u{20}' => out.push_str(&format!("\\u{:04x}", u32::from(char))),
        char => out.push(char),
    }
}

#[cfg(test)]
mod tests;
