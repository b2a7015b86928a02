//! Just enough XML to take names and dates out of office files, without understanding them: tags are found,
//! attributes dropped or emptied, and the text of some elements left out. Comments go; a DOCTYPE is refused,
//! so entities cannot grow.

use super::{About, Findings, Unclean};

/// What becomes of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    /// It stays.
    Keep,
    /// It stays, with no value: the format demands it.
    Empty(About),
    /// It goes.
    Drop(About),
}

/// What is to be taken out.
pub(super) struct Rules {
    /// By an attribute's name without its prefix, and the element's.
    pub(super) attribute: fn(&str, &str) -> Attribute,
    /// Whether all inside an element goes: by its name without prefix, and its attributes as written.
    pub(super) inside: fn(&str, &str) -> Option<About>,
    /// Whether the whole element goes.
    pub(super) element: fn(&str, &str) -> bool,
}

/// The document without what the rules name.
///
/// # Errors
/// [`Unclean::Malformed`].
pub(super) fn rewrite(bytes: &[u8], rules: &Rules, found: &mut Findings) -> Result<Vec<u8>, Unclean> {
    let malformed = Unclean::Malformed("XML that is not well formed, or not UTF-8");
    let text = std::str::from_utf8(bytes).map_err(|_| malformed.clone())?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // While something inside is left out: the element's full name, its depth, and what it is about.
    let mut leaving: Option<(&str, usize, About)> = None;
    while let Some(open) = rest.find('<') {
        let (before, from) = rest.split_at(open);
        match &leaving {
            None => out.push_str(before),
            Some((name, _, about)) if !before.trim().is_empty() => found.note(*about, name, before),
            Some(_) => {}
        }
        let (markup, after) = markup(from).ok_or(malformed.clone())?;
        rest = after;
        match markup {
            Markup::Verbatim(all) if leaving.is_none() => out.push_str(all),
            Markup::Verbatim(_) | Markup::Comment => {}
            Markup::Tag(tag) => {
                leaving = tag_by_rules(tag, rules, leaving, &mut out, found).ok_or(malformed.clone())?
            }
        }
    }
    if leaving.is_some() {
        return Err(malformed);
    }
    out.push_str(rest);
    Ok(out.into_bytes())
}

enum Markup<'a> {
    /// Copied: a declaration, or CDATA.
    Verbatim(&'a str),
    Comment,
    /// From `<` to `>`.
    Tag(&'a str),
}

/// What begins with this `<`, and what follows it.
fn markup(from: &str) -> Option<(Markup<'_>, &str)> {
    let until = |end: &str| from.find(end).and_then(|at| from.split_at_checked(at + end.len()));
    if from.starts_with("<!--") {
        let (_, after) = until("-->")?;
        return Some((Markup::Comment, after));
    }
    if from.starts_with("<![CDATA[") {
        let (all, after) = until("]]>")?;
        return Some((Markup::Verbatim(all), after));
    }
    if from.starts_with("<?") {
        let (all, after) = until("?>")?;
        return Some((Markup::Verbatim(all), after));
    }
    if from.starts_with("<!") {
        return None;
    }
    // A `>` may stand inside quotes.
    let mut quote = None;
    let end = from.char_indices().find(|(_, c)| match (quote, c) {
        (None, '"' | '\'') => {
            quote = Some(*c);
            false
        }
        (Some(open), c) if open == *c => {
            quote = None;
            false
        }
        (None, '>') => true,
        _ => false,
    })?;
    let (tag, after) = from.split_at_checked(end.0 + 1)?;
    Some((Markup::Tag(tag), after))
}

type Leaving<'a> = Option<(&'a str, usize, About)>;

/// Writes a tag as the rules want it; what is left out from here on. `None` if it is no tag.
fn tag_by_rules<'a>(
    tag: &'a str,
    rules: &Rules,
    leaving: Leaving<'a>,
    out: &mut String,
    found: &mut Findings,
) -> Option<Leaving<'a>> {
    let inner = tag.strip_prefix('<')?.strip_suffix('>')?;
    if let Some(name) = inner.strip_prefix('/') {
        let name = name.trim_end();
        return Some(match leaving {
            Some((of, depth, about)) if of == name && depth > 1 => Some((of, depth - 1, about)),
            Some((of, ..)) if of == name => {
                out.push_str(tag);
                None
            }
            Some(_) => leaving,
            None => {
                out.push_str(tag);
                None
            }
        });
    }
    let alone = inner.ends_with('/');
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let (name, attributes) = inner.split_at(inner.find(char::is_whitespace).unwrap_or(inner.len()));
    if let Some((of, depth, about)) = leaving {
        return Some(Some((of, if of == name && !alone { depth + 1 } else { depth }, about)));
    }
    let local = local(name);
    if (rules.element)(local, attributes) {
        // Only elements that hold nothing are named for this.
        return alone.then_some(None);
    }
    out.push('<');
    out.push_str(name);
    let mut rest = attributes;
    while let Some((attribute, value, after)) = next_attribute(rest)? {
        rest = after;
        let verdict = (rules.attribute)(self::local(attribute), local);
        match verdict {
            Attribute::Keep => push_attribute(out, attribute, value),
            Attribute::Empty(_) => push_attribute(out, attribute, "\"\""),
            Attribute::Drop(_) => {}
        }
        if let Attribute::Empty(about) | Attribute::Drop(about) = verdict {
            // Editing sessions are told once, by their element: they stand at every paragraph.
            if about != About::Other {
                found.note(about, attribute, value.trim_matches(['"', '\'']));
            }
        }
    }
    out.push_str(if alone { "/>" } else { ">" });
    Some((rules.inside)(local, attributes).filter(|_| !alone).map(|about| (name, 1, about)))
}

fn push_attribute(out: &mut String, name: &str, quoted: &str) {
    out.push(' ');
    out.push_str(name);
    out.push('=');
    out.push_str(quoted);
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The next attribute: its name, its value with the quotes, and the rest. `None` if this is none.
fn next_attribute(text: &str) -> Option<Option<(&str, &str, &str)>> {
    let text = text.trim_start();
    if text.is_empty() {
        return Some(None);
    }
    let (name, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let end = rest.get(1..)?.find(quote)? + 2;
    let (value, after) = rest.split_at_checked(end)?;
    Some(Some((name.trim_end(), value, after)))
}

/// What an XMP packet says that is worth telling; it is left out as a whole.
pub(super) fn tell_xmp(packet: &[u8], found: &mut Findings) {
    const TELLING: [(&str, About); 14] = [
        ("exif:GPSLatitude", About::Place),
        ("exif:GPSLongitude", About::Place),
        ("photoshop:City", About::Place),
        ("photoshop:Country", About::Place),
        ("dc:creator", About::Author),
        ("dc:rights", About::Author),
        ("photoshop:Credit", About::Author),
        ("tiff:Make", About::Device),
        ("tiff:Model", About::Device),
        ("aux:SerialNumber", About::Device),
        ("xmp:CreateDate", About::Date),
        ("xmp:ModifyDate", About::Date),
        ("xmp:CreatorTool", About::Software),
        ("pdf:Producer", About::Software),
    ];
    found.note_size(About::Other, "XMP", packet.len());
    let text = String::from_utf8_lossy(packet);
    for (name, about) in TELLING {
        if let Some(value) = value_of(&text, name) {
            found.note(about, name, &value);
        }
    }
}

/// The value of an attribute or element, without the tags in it; for showing only.
fn value_of(text: &str, name: &str) -> Option<String> {
    let at = text.find(&format!("{name}="));
    if let Some(quoted) = at.and_then(|at| text.get(at + name.len() + 1..)) {
        let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        return quoted.get(1..)?.split(quote).next().map(str::to_owned);
    }
    let from = text.find(&format!("<{name}>"))?;
    let inside = text.get(from + name.len() + 2..)?;
    let inside = inside.split(&format!("</{name}>")).next()?;
    let mut plain = String::new();
    let mut in_tag = false;
    for c in inside.chars().take(2_000) {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => plain.push(c),
            _ => {}
        }
    }
    Some(plain.trim().to_owned()).filter(|plain| !plain.is_empty())
}
