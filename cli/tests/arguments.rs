//! The command line is a contract: these calls are understood, and every help shows an example.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use clap::{CommandFactory, Parser};
use entente_cli::args::{Cli, Command};

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn every_call_of_the_contract_is_understood() {
    let calls = [
        "entente --home DIR init --name TEXT --kind npm --country XX",
        "entente --home DIR init --name TEXT --kind cso --country ge --listen /ip4/0.0.0.0/tcp/4001 --passphrase-fd 3",
        "entente --home DIR init --name TEXT --kind network --country XX --advertise /ip4/1.2.3.4/tcp/1 --advertise /ip4/1.2.3.4/tcp/2",
        "entente --home DIR init --name TEXT --kind other --country XX",
        "entente --home DIR run",
        "entente --home DIR --json run --passphrase-fd 3 --advertise /ip4/1.2.3.4/tcp/1 --log info",
        "entente --home DIR --json status",
        "entente doctor",
        "entente lock",
        "entente unlock --passphrase-fd 0",
        "entente stop",
        "entente partnership agreement template informal",
        "entente partnership agreement template formal",
        "entente partnership agreement template advisory-body",
        "entente partnership agreement template joint-activity",
        "entente partnership agreement template within-npm",
        "entente partnership agreement show P",
        "entente --json partnership agreement check FILE.toml",
        "entente partnership agreement check FILE.toml --document FILE.pdf",
        "entente partnership agreement attach FILE.toml FILE.pdf",
        "entente --json partnership agreement attach FILE.toml FILE.pdf --in-place",
        "entente --home DIR --json partnership agreement diff P FILE.toml",
        "entente partnership agreement diff OLD.toml NEW.toml",
        "entente --home DIR --json partnership new --name TEXT --agreement FILE.toml",
        "entente --home DIR --json partnership invite P",
        "entente --home DIR --json partnership invite P --role ROLE-a --days 3".trim_end(),
        "entente --home DIR --json partnership join INVITATION",
        "entente --home DIR --json partnership join INVITATION --yes",
        "entente --home DIR --json partnership approve P ORG",
        "entente --home DIR --json partnership remove P ORG",
        "entente --home DIR --json partnership remove P ORG --reason ended --yes",
        "entente --home DIR --json partnership leave P",
        "entente --home DIR --json partnership show P",
        "entente --home DIR --json partnership list",
        "entente member list",
        "entente member list P",
        "entente member show ORG --partnership P",
        "entente --home DIR --json key show",
        "entente --home DIR --json key show P",
        "entente --home DIR --json key backup --yes --key FILE --passphrase-fd 3",
        "entente --home DIR --json key split --yes",
        "entente --home DIR --json key drill --words",
        "entente --home DIR --json key drill --organisation IDENTITY",
        "entente --home DIR --json key recover --organisation IDENTITY --out FILE",
        "entente partnership invite P --qr",
        "entente --home DIR --json partnership office P ORG --days 3",
        "entente --home DIR init --name TEXT --kind cso --country XX --recover-root FILE --root-passphrase-fd 4",
        "entente --home DIR --json node list",
        "entente --home DIR node request --organisation IDENTITY --listen /ip4/0.0.0.0/tcp/4001",
        "entente node certify FILE --root-key FILE --passphrase-fd 3",
        "entente node accept -",
        "entente --home DIR --json key revoke NODE --seized-at 2026-11-23T06:00:00Z --reason raid --root-key FILE --yes",
        "entente --home DIR --json key exposed NODE",
        "entente member verify P ORG",
        "entente member verify P ORG --again",
        "entente --home DIR --json member verify P ORG --start",
        "entente --home DIR --json member verify P ORG --code 123456",
        "entente --home DIR --json record new FILE",
        "entente --home DIR --json record new -",
        "entente --home DIR --json record share ID --partnership P --yes --expect-readers 2",
        "entente --home DIR --json record share ID --partnership P --readers A,B --yes --expect-readers 2",
        "entente --home DIR --json record share ID --partnership P --reader A --reader B",
        "entente --home DIR --json record preview ID --partnership P",
        "entente --home DIR --json record preview ID --partnership P --readers A,B",
        "entente --home DIR --json record list",
        "entente --home DIR --json record list --partnership P --kind submission --from ORG --since 2026-11-01",
        "entente record list --since 7d --limit 1000 --after PLACE",
        "entente record search TEXT",
        "entente record search TWO WORDS --since 2026-11-01T00:00:00Z",
        "entente record show ID",
        "entente record import FILE --dry-run",
        "entente record export ID FILE",
        "entente record verify FILE",
        "entente attachment list ID",
        "entente attachment get ID 0 FILE",
        "entente --home DIR --json sync status",
        "entente sync now",
        "entente sync explain RECORD ORG",
        "entente completions bash",
        // Global options may also stand at the end.
        "entente status --json --home DIR",
    ];
    for call in calls {
        let call = call.replace("ROLE-a", "cso").replace("IDENTITY", &"a".repeat(52));
        if let Err(error) = parse(&call) {
            panic!("{call}\n{error}");
        }
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let wrong = [
        "entente",
        "entente frobnicate",
        "entente init --name A --kind police --country XX",
        "entente init --name A --kind npm --country XXX",
        "entente partnership agreement template friendly",
        "entente partnership invite P --role Upper",
        "entente record list --limit 0",
        "entente record list --limit 1001",
        "entente record list --since yesterday",
        "entente record list --kind Not_A_Kind",
        "entente record search",
        "entente record share ID --yes",
        "entente record share ID --partnership P --expect-readers many",
        "entente attachment get ID first FILE",
        "entente status --passphrase secret",
    ];
    for call in wrong {
        assert!(parse(call).is_err(), "{call}");
    }
    assert!(Cli::try_parse_from(["entente", "record", "show", ""]).is_err(), "an empty id names nothing");
}

#[test]
fn a_country_is_written_in_capitals() {
    let cli = parse("entente init --name A --kind npm --country ge").unwrap();
    let Command::Init(init) = cli.command else { panic!() };
    assert_eq!(init.country, "GE");
}

#[test]
fn every_help_carries_an_example() {
    fn walk(command: &mut clap::Command, path: &str) {
        let help = command.render_long_help().to_string();
        assert!(help.contains("Example"), "{path} --help has no example:\n{help}");
        let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
        for name in names.iter().filter(|name| *name != "help") {
            walk(command.find_subcommand_mut(name).unwrap(), &format!("{path} {name}"));
        }
    }
    let mut command = Cli::command();
    command.build();
    walk(&mut command, "entente");
}

#[test]
fn every_example_is_understood() {
    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        // What prose quotes is no example.
        let lines = help.lines().filter(|line| !line.contains("`entente "));
        found.extend(lines.filter_map(|line| line.find("entente ").map(|at| line[at..].to_owned())));
        command.get_subcommands().for_each(|c| examples(c, found));
    }
    let mut found = Vec::new();
    examples(&Cli::command(), &mut found);
    assert!(found.len() > 30);
    for example in found.iter().filter(|line| !line.contains("bash-completion")) {
        // As a shell would: quoted words are one, and what is redirected is no argument.
        let example = example.replace("--organisation ID", &format!("--organisation {}", "a".repeat(52)));
        let words = example.split(" > ").next().unwrap().split('\'').enumerate();
        let arguments: Vec<String> = words
            .flat_map(|(n, part)| match n % 2 {
                1 => vec![part.to_owned()],
                _ => part.split_whitespace().map(str::to_owned).collect(),
            })
            .collect();
        if let Err(error) = Cli::try_parse_from(&arguments) {
            panic!("{example}\n{error}");
        }
    }
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}
