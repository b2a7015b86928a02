//! `entente record redact`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use entente_node::api::types::RedactRequest;

use super::{Say, TheRecord};

/// `record redact`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  entente record redact 3fk2q7abcd --fields staff,annex --output report-public.entente
  entente record redact 3fk2q7abcd --replace 'findings=Two cells were closed.' --attachments 1 --output report.entente

Whoever reads the copy sees that something is missing, where, and that this organisation left it out; words
put in its place are shown as this organisation's, never as the author's.")]
pub struct RedactArgs {
    /// Which.
    #[command(flatten)]
    pub record: TheRecord,
    /// Fields to leave out, separated by commas
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    fields: Vec<String>,
    /// A field to leave out, and the words to put in its place; may be repeated
    #[arg(long, value_name = "NAME=TEXT", value_parser = replacement)]
    replace: Vec<(String, String)>,
    /// Attachments to leave out, by their numbers in `attachment list`
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    attachments: Vec<usize>,
    /// Do not say what the parts left out are called
    #[arg(long)]
    without_names: bool,
    /// Why, for whoever reads the copy
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Where the record tells of a person: the use that the copy is for [default: anonymised-publication]
    #[arg(long = "for", value_name = "USE")]
    purpose: Option<String>,
    /// Where to save it; the file must not exist
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
}

impl RedactArgs {
    /// As the node wants it.
    #[must_use]
    pub fn request(&self) -> RedactRequest {
        let names = self.fields.iter().map(|name| name.trim().to_owned());
        RedactRequest {
            fields: names.filter(|name| !name.is_empty()).collect(),
            replace: self.replace.iter().cloned().collect::<BTreeMap<_, _>>(),
            attachments: self.attachments.clone(),
            nameless: self.without_names,
            reason: self.reason.clone(),
            purpose: self.purpose.clone(),
        }
    }
}

/// `record pass-on`.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  entente record redact 3fk2q7abcd --fields staff --output report.entente
  entente record pass-on report.entente --partnership 'Rights network' --title 'What the office found' --yes

It is a record of the kind `material` of yours. Its readers' nodes check the author's signature and yours, and show what is missing and who left it out. It goes on only as its author allows; whoever wants to be asked is asked with `record ask`.")]
pub struct PassOnArgs {
    /// The copy, as `record redact` saved it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where
    #[arg(long, value_name = "P", value_parser = NonEmptyStringValueParser::new())]
    pub partnership: String,
    /// What it is called in lists [default: the copy's kind and author]
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub title: Option<String>,
    /// To whom, and whether to ask.
    #[command(flatten)]
    pub say: Say,
}

fn replacement(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, words)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), words.to_owned())),
        _ => Err("write it as NAME=TEXT, such as 'findings=Two cells were closed.'".to_owned()),
    }
}
