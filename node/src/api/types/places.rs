//! The register of places.

use entente_protocol::ids::RecordId;
use serde::{Deserialize, Serialize};

use super::RefView;

/// A place, by all that was said to be it; `GET /v1/places` lists them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlaceView {
    /// The id that stands for it: of the oldest record that describes it.
    pub id: RecordId,
    /// All its names, each once.
    pub names: Vec<PlaceName>,
    /// What kind of place it is.
    pub category: Option<String>,
    /// The town or district.
    pub locality: Option<String>,
    /// Who controls it.
    pub authority: Option<String>,
    /// The records that describe it, oldest first.
    pub records: Vec<RefView>,
    /// The records that say that these are the same place.
    pub merges: Vec<RefView>,
    /// What others say is the same place and does not count here, since we say that it is not.
    #[serde(default)]
    pub overruled: Vec<RefView>,
    /// The records that say that it is not the same place as another. Ours count here, others' are only shown.
    #[serde(default)]
    pub apart: Vec<RefView>,
}

/// A name of a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceName {
    /// In which language, as its author says.
    pub language: Option<String>,
    /// The name.
    pub name: String,
}

/// `GET /v1/places/{place}`: a place, and what was said about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlaceDetail {
    /// The place.
    #[serde(flatten)]
    pub view: PlaceView,
    /// The records that name it, by an id or by one of its names: the newest 500, the newest first.
    pub history: Vec<RefView>,
    /// How many there are in all, as far as they were looked for.
    pub count: usize,
}

/// Two places that may be the same; `GET /v1/places/duplicates` lists them, the surest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlikeView {
    /// One.
    pub one: PlaceView,
    /// The other.
    pub other: PlaceView,
    /// Why, in words.
    pub because: Vec<String>,
}
