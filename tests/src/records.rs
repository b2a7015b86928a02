//! Writing and sharing records on a node under test.

use std::collections::BTreeMap;
use std::path::Path;

use entente_cli::client::{Client, query, route};
use entente_node::api::types::{
    AttachmentStored, DraftInput, Imported, Problem, RecordCreated, ShareRequest, Shared,
};
use entente_protocol::handling::{Handling, Sensitivity};
use entente_protocol::ids::RecordId;
use serde_json::{Value, json};
use tokio::fs::File;

use crate::node::TestNode;

/// A draft to be kept on a node.
#[derive(Clone)]
pub struct DraftBuilder(DraftInput);

/// A draft of a kind with a title, and the careful defaults for the rest.
///
/// # Panics
/// If the kind is not written as a kind.
#[must_use]
pub fn draft(kind: &str, title: &str) -> DraftBuilder {
    DraftBuilder(DraftInput {
        kind: kind.parse().expect("a kind"),
        language: None,
        fields: BTreeMap::from([("title".to_owned(), json!(title))]),
        sensitivity: Some(Sensitivity::Partnership),
        handling: None,
        supersedes: None,
        replies_to: None,
        attachments: Vec::new(),
    })
}

impl DraftBuilder {
    /// With another field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> DraftBuilder {
        self.0.fields.insert(name.to_owned(), value.into());
        self
    }

    /// In a language (BCP 47).
    ///
    /// # Panics
    /// If it is not written as one.
    #[must_use]
    pub fn language(mut self, tag: &str) -> DraftBuilder {
        self.0.language = Some(tag.to_owned().try_into().expect("a language"));
        self
    }

    /// In another class of sensitivity.
    #[must_use]
    pub fn sensitivity(mut self, sensitivity: Sensitivity) -> DraftBuilder {
        self.0.sensitivity = Some(sensitivity);
        self
    }

    /// To be handled so.
    #[must_use]
    pub fn handling(mut self, handling: Handling) -> DraftBuilder {
        self.0.handling = Some(handling);
        self
    }

    /// In reply to a record.
    #[must_use]
    pub fn replies_to(mut self, record: RecordId) -> DraftBuilder {
        self.0.replies_to = Some(record);
        self
    }

    /// With an attachment that [`TestNode::attach`] stored.
    #[must_use]
    pub fn attachment(mut self, id: impl Into<String>) -> DraftBuilder {
        self.0.attachments.push(id.into());
        self
    }

    /// As the API takes it.
    #[must_use]
    pub fn input(self) -> DraftInput {
        self.0
    }
}

/// Keeps a draft and shares it over a connection of one's own, as programs do that send several at once.
///
/// # Errors
/// As the node answers; it is not known then whether the record was shared.
pub async fn publish_on(
    client: &Client,
    draft: DraftBuilder,
    partnership: &str,
    readers: Option<&[&str]>,
) -> Result<RecordId, Problem> {
    let kept = keep_on(client, draft).await?;
    Ok(share_on(client, kept, partnership, readers).await?.record)
}

async fn keep_on(client: &Client, draft: DraftBuilder) -> Result<RecordId, Problem> {
    let made: RecordCreated = client.post(&route(&["records"]), &draft.input()).await?;
    Ok(made.record)
}

async fn share_on(
    client: &Client,
    record: RecordId,
    partnership: &str,
    readers: Option<&[&str]>,
) -> Result<Shared, Problem> {
    let request = ShareRequest {
        partnership: partnership.to_owned(),
        readers: readers.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        expect_readers: None,
        keep_metadata: false,
    };
    client.post(&route(&["records", &record.to_string(), "share"]), &request).await
}

impl TestNode {
    /// Keeps a draft.
    ///
    /// # Errors
    /// As the node answers.
    pub async fn keep(&self, draft: DraftBuilder) -> Result<RecordId, Problem> {
        keep_on(self.client(), draft).await
    }

    /// Keeps many drafts.
    ///
    /// # Panics
    /// If the node refuses.
    pub async fn import(&self, drafts: impl IntoIterator<Item = DraftBuilder>) -> Vec<RecordId> {
        let drafts: Vec<DraftInput> = drafts.into_iter().map(DraftBuilder::input).collect();
        let kept: Result<Imported, Problem> =
            self.client().post(&route(&["records", "import"]), &drafts).await;
        kept.unwrap_or_else(|e| panic!("{} imports: {e:?}", self.name())).records
    }

    /// Stores a file to be attached; returns what a draft names it by.
    ///
    /// # Errors
    /// As the node answers.
    ///
    /// # Panics
    /// If the file cannot be read.
    pub async fn attach(&self, path: &Path) -> Result<String, Problem> {
        let file = File::open(path).await.expect("the file is there");
        let size = file.metadata().await.expect("the file has a size").len();
        let name = path.file_name().expect("a file has a name").to_string_lossy();
        let named = query(&json!({ "name": name, "type": "application/octet-stream" }));
        let stored: AttachmentStored =
            self.client().upload(&format!("{}{named}", route(&["attachments"])), file, size).await?;
        Ok(stored.attachment)
    }

    /// Shares a draft with readers, or with all members if none are named.
    ///
    /// # Errors
    /// As the node answers.
    pub async fn share(
        &self,
        record: RecordId,
        partnership: &str,
        readers: Option<&[&str]>,
    ) -> Result<Shared, Problem> {
        share_on(self.client(), record, partnership, readers).await
    }

    /// Keeps a draft and shares it. Returns the record's id in the partnership.
    ///
    /// # Panics
    /// If the node refuses.
    pub async fn publish(
        &self,
        draft: DraftBuilder,
        partnership: &str,
        readers: Option<&[&str]>,
    ) -> RecordId {
        let kept = self.keep(draft).await.unwrap_or_else(|e| panic!("{} keeps a draft: {e:?}", self.name()));
        let shared = self.share(kept, partnership, readers).await;
        shared.unwrap_or_else(|e| panic!("{} shares: {e:?}", self.name())).record
    }

    /// The bytes of an attachment.
    ///
    /// # Errors
    /// As the node answers.
    pub async fn attachment(&self, record: RecordId, number: usize) -> Result<Vec<u8>, Problem> {
        let path = route(&["records", &record.to_string(), "attachments", &number.to_string()]);
        let mut bytes = Vec::new();
        self.client().download(&path, &mut bytes).await?;
        Ok(bytes)
    }
}
