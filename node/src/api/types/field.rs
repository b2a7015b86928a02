//! The records of the field: schemas, what became of records, what is owed, the six forms.

use std::collections::BTreeMap;

use entente_protocol::handling::{Language, Sensitivity};
use entente_protocol::ids::{PartnershipId, RecordId, Timestamp};
use serde::{Deserialize, Serialize};

use super::OrgView;

/// What is known of a record besides what it says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AboutRecord {
    /// What does not fit the schema of its kind, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// How far it is, for kinds that have a life cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// That in a sentence, with what it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub progress: Vec<String>,
    /// The record that it corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<RecordId>,
    /// Records that refer to it, in the order of their arrival; the newest hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referred_by: Vec<RefView>,
}

/// A record that refers to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefView {
    /// Which.
    pub record: RecordId,
    /// What it is.
    pub kind: String,
    /// By whom.
    pub author: OrgView,
    /// When it was said.
    pub said: Timestamp,
    /// What it is called.
    pub title: String,
    /// Is it a draft of ours?
    pub draft: bool,
}

/// What somebody says of the status of a recommendation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusView {
    /// In the words of its own scale.
    pub word: String,
    /// On the common axis.
    pub axis: String,
    /// By whom.
    pub author: OrgView,
    /// When.
    pub said: Timestamp,
    /// In which record.
    pub record: RecordId,
}

/// A recommendation, and where it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecommendationView {
    /// Its id.
    pub id: RecordId,
    /// What it is called.
    pub title: String,
    /// Whose it is.
    pub author: OrgView,
    /// Where; none for a draft.
    pub partnership: Option<PartnershipId>,
    /// Its name.
    pub partnership_name: Option<String>,
    /// When it was made.
    pub said: Timestamp,
    /// Where people are held: the record's id, or words.
    pub place: Option<String>,
    /// What it is about.
    pub themes: Vec<String>,
    /// Who is to act.
    pub addressee: Option<String>,
    /// Its number in another system.
    pub external_id: Option<String>,
    /// `draft`, `issued`, `overdue`, `replied`, `assessed`, `closed`, `repeated` or `superseded`.
    pub stage: String,
    /// The NPM's newest assessment.
    pub status: Option<StatusView>,
    /// Views of civil society, beside it.
    pub shadow: Vec<StatusView>,
    /// When a reply is overdue.
    pub due: Option<Timestamp>,
    /// Is it overdue?
    pub reply_overdue: bool,
    /// What the authority promised for a day that is past, and nobody looked at since.
    pub promise_overdue: Option<Timestamp>,
    /// Replies of the authority.
    pub replies: usize,
    /// Organisations that endorse it.
    pub endorsements: usize,
    /// Records of advocacy.
    pub advocacy: usize,
}

/// What `POST /v1/recommendations/list` filters by.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecommendationQuery {
    /// Only of this partnership.
    pub partnership: Option<String>,
    /// Only in this stage.
    pub stage: Option<String>,
    /// Only about this theme, sub-topics included.
    pub theme: Option<String>,
    /// Only to this addressee.
    pub addressee: Option<String>,
    /// Only where a reply or a promise is overdue.
    pub overdue: bool,
    /// Drafts and superseded ones too.
    pub all: bool,
    /// At most so many (1 to 1,000; 100 if absent), newest first.
    pub limit: Option<usize>,
    /// Pass over so many.
    pub skip: usize,
}

/// A page of recommendations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecommendationPage {
    /// Newest first.
    pub recommendations: Vec<RecommendationView>,
    /// How many fit in all.
    pub total: usize,
}

/// One recommendation with everything that was said about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecommendationDetail {
    /// Where it stands.
    #[serde(flatten)]
    pub view: RecommendationView,
    /// What it says.
    pub text: String,
    /// Everything, in the order in which it was said.
    pub timeline: Vec<TimelineEntry>,
}

/// One thing that was said about a recommendation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When it was said.
    pub said: Timestamp,
    /// What it is.
    pub kind: String,
    /// By whom.
    pub author: OrgView,
    /// In a line: its status in the author's own word, its position, its title.
    pub words: String,
    /// Does it move the recommendation on, or stand beside it?
    pub beside: bool,
    /// In which record.
    pub record: RecordId,
}

/// `POST /v1/recommendations/stats`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StatsQuery {
    /// Only of this partnership.
    pub partnership: Option<String>,
    /// `stage`, `status`, `theme`, `addressee`, `place` or `year`.
    pub by: Option<String>,
    /// Leave small cells out (rule C11).
    pub publish: bool,
}

/// Figures, with a chart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatsView {
    /// What is counted.
    pub title: String,
    /// Each category, and its count; none where it is left out because it is small.
    pub rows: Vec<(String, Option<u64>)>,
    /// All; none where it would give a small count away.
    pub total: Option<u64>,
    /// Was what is small left out?
    pub published: bool,
    /// A bar chart.
    pub svg: String,
}

/// `POST /v1/recommendations/import`: rows of a spreadsheet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SpreadsheetImport {
    /// The table: comma, semicolon or tab between cells, the names of columns in its first row.
    pub csv: String,
    /// Columns of other names: the column, and the field that it is.
    pub columns: BTreeMap<String, String>,
    /// Only say what would happen.
    pub dry_run: bool,
    /// Language of the text.
    pub language: Option<Language>,
    /// The kind's default if absent.
    pub sensitivity: Option<Sensitivity>,
    /// Share at once in this partnership.
    pub partnership: Option<String>,
    /// With these readers; all members if absent.
    pub readers: Option<Vec<String>>,
}

/// What becomes of a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportedRow {
    /// Its number, counted from 1 below the names of columns.
    pub row: usize,
    /// `new`, `update`, `unchanged` or `wrong`.
    pub action: String,
    /// Its number in the other system.
    pub external_id: Option<String>,
    /// What it is called.
    pub title: String,
    /// The draft that was made.
    pub record: Option<RecordId>,
    /// What is wrong or odd about it.
    pub findings: Vec<String>,
}

/// What came of an import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpreadsheetImported {
    /// Was it only tried?
    pub dry_run: bool,
    /// Rows that make a new recommendation.
    pub new: usize,
    /// Rows that correct one that is here.
    pub updated: usize,
    /// Rows that say what is here already.
    pub unchanged: usize,
    /// Rows that cannot be taken; then nothing was.
    pub wrong: usize,
    /// Records that were shared.
    pub shared: usize,
    /// Records that wait until others release them.
    #[serde(default)]
    pub waiting: usize,
    /// Columns that mean no field; their cells are kept under their own names.
    pub unknown_columns: Vec<String>,
    /// Each row.
    pub rows: Vec<ImportedRow>,
}

/// A table as text, safe for spreadsheets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spreadsheet {
    /// Comma-separated values, UTF-8 with a byte-order mark.
    pub csv: String,
    /// Rows below the names of columns.
    pub rows: usize,
}

/// Something that is owed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DueView {
    /// `answer`, `reply`, `promise`, `exchange`, `contribution`, `position`; `consent`: a person is to be asked
    /// for one, so that a draft can be shared; or `release`: a draft waits until colleagues release it.
    pub what: String,
    /// What it is called.
    pub title: String,
    /// Which record asks for it.
    pub record: Option<RecordId>,
    /// By whom; none where it is an authority, or a person whose consent is wanted.
    pub by: Option<OrgView>,
    /// Does it wait for us?
    pub ours: bool,
    /// Where.
    pub partnership: PartnershipId,
    /// Its name.
    pub partnership_name: String,
    /// When it is overdue; of a consent, since when it is wanted.
    pub due: Timestamp,
    /// Is it?
    pub overdue: bool,
}

/// What a partnership is about, where it is an activity or an advisory body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpaceView {
    /// The partnership.
    pub partnership: PartnershipId,
    /// Its name.
    pub name: String,
    /// The form of its agreement.
    pub form: String,
    /// What it is to achieve.
    pub objectives: Option<String>,
    /// Its first day.
    pub start: Timestamp,
    /// When it is over; none without an end.
    pub ends: Option<Timestamp>,
    /// Is it over?
    pub over: bool,
    /// Who takes part.
    pub members: Vec<SpaceMember>,
    /// Records of the kinds that belong to it, newest first.
    pub records: Vec<RefView>,
}

/// Who takes part in an activity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpaceMember {
    /// Who.
    pub organisation: OrgView,
    /// In which role.
    pub role: String,
    /// Why nothing new reaches it, if so: the declaration that it has not signed, or that expired.
    pub no_key: Option<String>,
    /// Until when its declaration holds.
    pub declared_until: Option<Timestamp>,
}

/// A motion, and where it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MotionView {
    /// Its id.
    pub id: RecordId,
    /// What is to be decided.
    pub question: String,
    /// Who moved it.
    pub author: OrgView,
    /// Where.
    pub partnership_name: Option<String>,
    /// `open`, `decided`, `rejected`, `no-quorum`, `withdrawn`, or `contested`: its author counted it twice, differently.
    pub stage: String,
    /// It is closed, and its author has not counted the positions: the outcome goes by clocks that may be wrong.
    pub provisional: bool,
    /// The record in which its author counted them.
    pub tally: Option<RecordId>,
    /// Positions that count.
    pub in_favour: usize,
    /// Against.
    pub against: usize,
    /// Abstaining.
    pub abstaining: usize,
    /// Members with a conflict of interest, who do not count.
    pub conflicted: usize,
    /// How many must take part.
    pub quorum: Option<u64>,
    /// Until when.
    pub closes: Option<Timestamp>,
    /// Each position.
    pub positions: Vec<PositionView>,
    /// Positions that do not count: dated after the closing, or not named by who counted.
    pub uncounted: Vec<PositionView>,
    /// The newest position of each member that was here before the motion closed.
    pub to_count: Vec<RecordId>,
    /// What the NPM answered.
    pub responses: Vec<RefView>,
}

/// What a member says to a motion.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PositionView {
    /// In which record.
    pub record: RecordId,
    /// Who.
    pub author: OrgView,
    /// For, against or abstain.
    pub says: String,
    /// Why.
    pub reason: Option<String>,
    /// Its interest in the matter.
    pub conflict: Option<String>,
    /// When, by its author's clock.
    pub said: Timestamp,
    /// It came here after the motion had closed, whatever it is dated.
    pub came_late: bool,
}

/// What lies before an advisory body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdviceView {
    /// The body.
    #[serde(flatten)]
    pub space: SpaceView,
    /// Its motions, newest first.
    pub motions: Vec<MotionView>,
}

/// A visit, and where it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VisitView {
    /// Its id.
    pub id: RecordId,
    /// What it is called.
    pub title: String,
    /// Whose it is.
    pub author: OrgView,
    /// Where.
    pub partnership_name: Option<String>,
    /// The place: the record's id, or words.
    pub place: Option<String>,
    /// `planned`, `team-confirmed`, `done`, `reported` or `followed-up`.
    pub stage: String,
    /// Its first day.
    pub from: Option<Timestamp>,
    /// When it is over.
    pub until: Option<Timestamp>,
    /// Who is on the team, by the roster.
    pub team: Vec<String>,
    /// The organisations that are declared to be on the team, and read its notes; none where the plan declares none.
    pub team_organisations: Vec<String>,
    /// Who is on the team and may not go, and why.
    pub unfit: Vec<String>,
    /// Reports, contributions, divergent views and notes about it.
    pub records: Vec<RefView>,
}

/// An entry of the roster of experts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExpertView {
    /// Its id.
    pub id: RecordId,
    /// The person.
    pub name: String,
    /// Who keeps the entry.
    pub author: OrgView,
    /// What the person knows.
    pub expertise: Vec<String>,
    /// Languages that the person speaks.
    pub languages: Vec<String>,
    /// Until when the training holds.
    pub training_until: Option<Timestamp>,
    /// Until when the declaration holds.
    pub declaration_until: Option<Timestamp>,
    /// May the person be on a team today?
    pub fit: bool,
}
