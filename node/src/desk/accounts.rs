//! Accounts of the staff: a name, a role, and a token of which only a hash is kept.

use entente_protocol::derive::{self, Key};
use entente_protocol::ids::Hash;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::api::problem::{self, not_found, refuse_input};
use crate::api::types::Problem;
use crate::clock;
use crate::frames::Frame;
use crate::node::Node;
use crate::records;
use crate::secrets::Secret;
use crate::store::Index;

use super::journal::{self, Account, DeskFrame};
use super::{AccountId, Caller, Person, StaffRole, THE_KEEPER};

/// Accounts at one time: a secretariat of 50, and some to spare.
pub const MAX_ACCOUNTS: usize = 64;
/// Accounts ever, those that were removed included.
const MAX_EVER: usize = 1_024;
/// Characters of a name.
pub const MAX_NAME: usize = 60;
/// What a token begins with, so that whoever finds one knows what it is.
const PREFIX: &str = "entente-staff-";
const NOTHING: &str = "No account was changed.";

/// A token: 256 random bits, wiped when dropped.
pub struct Token(Key);

impl Token {
    /// A fresh one.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn random() -> Result<Token, getrandom::Error> {
        Ok(Token(Secret::random()?.key()))
    }

    /// From what a request bears; nothing where that is no token of the staff.
    #[must_use]
    pub fn parse(text: &str) -> Option<Token> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() == 64)?;
        let mut bytes = Zeroizing::new([0; 32]);
        data_encoding::HEXLOWER.decode_mut(digits.as_bytes(), bytes.as_mut()).ok()?;
        Some(Token(bytes))
    }

    /// As its holder keeps it.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let digits = Zeroizing::new(data_encoding::HEXLOWER.encode(self.0.as_ref()));
        Zeroizing::new([PREFIX, &digits].concat())
    }

    fn hash(&self) -> Hash {
        derive::staff_token_hash(&self.0)
    }
}

/// Whose token this is. All hashes are compared, each in constant time.
#[must_use]
pub fn authenticate(index: &Index, token: &Token) -> Option<Caller> {
    let hash = token.hash();
    let mut found = None;
    for account in journal::accounts(index) {
        let same = account.token.is_some_and(|kept| bool::from(kept.0.ct_eq(&hash.0)));
        if same {
            found = Some(account);
        }
    }
    found.map(|account| Caller {
        person: Person::Account(account.id),
        name: account.name,
        role: account.role,
    })
}

/// The accounts that are in use, by name.
#[must_use]
pub fn live(index: &Index) -> Vec<Account> {
    let mut all = journal::accounts(index);
    all.retain(|account| account.token.is_some());
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// What a person may do now; nothing where their account was removed.
#[must_use]
pub fn role_of(index: &Index, person: &Person) -> Option<StaffRole> {
    match person {
        Person::Keeper => Some(StaffRole::Keeper),
        Person::Account(id) => {
            journal::account(index, id).filter(|account| account.token.is_some()).map(|account| account.role)
        }
    }
}

/// What a person is called, also after their account was removed.
#[must_use]
pub fn name_of(index: &Index, person: &Person) -> String {
    match person {
        Person::Keeper => THE_KEEPER.into(),
        Person::Account(id) => {
            journal::account(index, id).map_or_else(|| "somebody unknown".into(), |account| account.name)
        }
    }
}

/// Who may do what needs a role, by name.
#[must_use]
pub fn holders(index: &Index, role: StaffRole) -> Vec<String> {
    let able = live(index).into_iter().filter(|account| account.role >= role);
    let named = able.map(|account| format!("{} ({})", account.name, account.role));
    named.chain([THE_KEEPER.to_owned()]).collect()
}

/// Makes an account, and gives its token this one time.
///
/// # Errors
/// [`Problem`]; then there is no account.
pub async fn add(node: &Node, by: &Caller, name: &str, role: StaffRole) -> Result<(Account, Token), Problem> {
    let _one_at_a_time = node.desk.0.lock().await;
    let index = &node.shared.ledger.store().index;
    let name = checked(name)?;
    let all = journal::accounts(index);
    let live = all.iter().filter(|account| account.token.is_some());
    if live.clone().any(|account| account.name.to_lowercase() == name.to_lowercase()) {
        let next = "See `entente staff list`; give another name.";
        return Err(refuse_input(format!("there is an account `{name}` already"), NOTHING, next));
    }
    if live.count() >= MAX_ACCOUNTS || all.len() >= MAX_EVER {
        let what = format!("a node has at most {MAX_ACCOUNTS} accounts, and {MAX_EVER} ever");
        return Err(refuse_input(what, NOTHING, "Remove those that are not used: `entente staff remove`."));
    }
    let token = fresh()?;
    let id = AccountId(clock::nonce());
    let account = Account { id, name, role, token: Some(token.hash()), made: clock::now() };
    keep(node, account.clone(), by).await?;
    Ok((account, token))
}

/// Gives an account another role.
///
/// # Errors
/// [`Problem`]; then nothing was changed.
pub async fn change_role(node: &Node, by: &Caller, name: &str, role: StaffRole) -> Result<Account, Problem> {
    let _one_at_a_time = node.desk.0.lock().await;
    let account = Account { role, ..named(node, name)? };
    keep(node, account.clone(), by).await?;
    Ok(account)
}

/// Gives an account a new token; the old one opens nothing any more. The person stays the same one.
///
/// # Errors
/// [`Problem`]; then nothing was changed.
pub async fn renew(node: &Node, by: &Caller, name: &str) -> Result<(Account, Token), Problem> {
    let _one_at_a_time = node.desk.0.lock().await;
    let token = fresh()?;
    let account = Account { token: Some(token.hash()), ..named(node, name)? };
    keep(node, account.clone(), by).await?;
    Ok((account, token))
}

/// Removes an account: its token opens nothing from now on, and what it released without being shared yet counts
/// no more.
///
/// # Errors
/// [`Problem`]; then nothing was changed.
pub async fn remove(node: &Node, by: &Caller, name: &str) -> Result<Account, Problem> {
    let _one_at_a_time = node.desk.0.lock().await;
    let account = Account { token: None, ..named(node, name)? };
    keep(node, account.clone(), by).await?;
    Ok(account)
}

fn fresh() -> Result<Token, Problem> {
    Token::random().map_err(|e| problem::failed(format!("the system gives no randomness: {e}"), NOTHING))
}

/// A name that reads the same to everybody.
fn checked(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    let length = name.chars().count();
    let next = "Give a name of 1 to 60 letters, as colleagues say it.";
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
        return Err(refuse_input("that is no name", NOTHING, next));
    }
    if name.to_lowercase() == THE_KEEPER {
        let what = "so the token in the node's folder is called";
        return Err(refuse_input(what, NOTHING, next));
    }
    Ok(name.to_owned())
}

fn named(node: &Node, name: &str) -> Result<Account, Problem> {
    let wanted = name.trim().to_lowercase();
    let mut live = live(&node.shared.ledger.store().index).into_iter();
    live.find(|account| account.name.to_lowercase() == wanted).ok_or_else(|| {
        not_found(format!("no account `{name}` on this node"), NOTHING, "See `entente staff list`.")
    })
}

async fn keep(node: &Node, account: Account, by: &Caller) -> Result<(), Problem> {
    let frame = DeskFrame::Account(account, by.person, clock::now());
    write(node, vec![frame]).await.map_err(|e| problem::ledger(&e, NOTHING))
}

/// Writes what was done at the desk, and waits until it lasts.
pub(super) async fn write(node: &Node, frames: Vec<DeskFrame>) -> Result<(), crate::ledger::LedgerError> {
    records::write(node, frames.into_iter().map(Frame::Desk).collect()).await
}
