//! `approvals`: calls that wait until somebody allows them, and the document of what was allowed for good.

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand, ValueEnum};
use creel_document::json5;
use serde_json::{Value, json};

use super::{
    REFUSED, eprintln,
    operator::{Common, print_json, shown},
    println,
};
use crate::{control::client::Client, net::TokioNet};

#[derive(Debug, Subcommand)]
pub(super) enum Approvals {
    /// What waits for a decision, the oldest first.
    Pending {
        #[command(flatten)]
        common: Common,
    },
    /// Decide on a call that waits.
    Resolve {
        /// The approval, by its id or as much of it as is enough.
        id: String,
        /// What is decided.
        decision: Decision,
        #[command(flatten)]
        common: Common,
    },
    /// The document of what was allowed for good.
    Get {
        #[command(flatten)]
        common: Common,
    },
    /// Another document in the place of this one.
    Set {
        #[command(flatten)]
        from: From,
        #[command(flatten)]
        common: Common,
    },
}

/// Where a document comes from.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct From {
    /// The file that holds it, as JSON or JSON5.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Read it from standard input.
    #[arg(long)]
    stdin: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Decision {
    /// This call runs.
    AllowOnce,
    /// This call runs, and from now on its agent's calls of that tool.
    AllowAlways,
    /// It does not run.
    Deny,
}

impl Decision {
    const fn name(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow-once",
            Self::AllowAlways => "allow-always",
            Self::Deny => "deny",
        }
    }
}

/// Asks the running gateway.
pub(super) fn approvals(asked: &Approvals) -> anyhow::Result<ExitCode> {
    match asked {
        Approvals::Pending { common } => {
            let answered = async |client: &mut Client<TokioNet>| {
                client.call("exec.approval.list", &json!({}), common.within()).await
            };
            common.with(answered, |it| shown(|| print_pending(common.json, &it)))
        }
        Approvals::Resolve { id, decision, common } => {
            let params = json!({ "id": id, "decision": decision.name() });
            let answered = async |client: &mut Client<TokioNet>| {
                client.call("exec.approval.resolve", &params, common.within()).await
            };
            common.with(answered, |it| {
                shown(|| {
                    if common.json {
                        print_json(&it);
                    } else {
                        println(&format!("{id}: {}", decision.name()));
                    }
                })
            })
        }
        Approvals::Get { common } => {
            let answered = async |client: &mut Client<TokioNet>| {
                client.call("exec.approvals.get", &json!({}), common.within()).await
            };
            common.with(answered, |it| {
                shown(|| print_json(if common.json { &it } else { &it["file"] }))
            })
        }
        Approvals::Set { from, common } => set(from, common),
    }
}

fn set(from: &From, common: &Common) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    let read = match &from.file {
        Some(path) => fs::read_to_string(path).map(|it| text = it),
        None => io::stdin().read_to_string(&mut text).map(|_| ()),
    };
    if let Err(error) = read {
        eprintln(&format!("error: read the document: {error}"));
        return Ok(ExitCode::from(REFUSED));
    }
    let Ok(file) = json5::parse(&text).map(|it| it.to_json()) else {
        eprintln("error: the document is neither JSON nor JSON5");
        return Ok(ExitCode::from(REFUSED));
    };
    let answered = async |client: &mut Client<TokioNet>| {
        let seen = client.call("exec.approvals.get", &json!({}), common.within()).await?;
        let mut params = json!({ "file": file });
        if seen["exists"] == true {
            params["baseHash"] = seen["hash"].clone();
        }
        client.call("exec.approvals.set", &params, common.within()).await
    };
    common.with(answered, |it| {
        shown(|| {
            if common.json {
                print_json(&it);
            } else {
                println("set");
            }
        })
    })
}

fn print_pending(as_json: bool, it: &Value) {
    if as_json {
        return print_json(&json!({ "approvals": it }));
    }
    let rows: Vec<&Value> = it.as_array().into_iter().flatten().collect();
    if rows.is_empty() {
        return println("nothing waits for a decision");
    }
    for row in rows {
        let request = &row["request"];
        let text = |it: &Value| it.as_str().unwrap_or("-").to_owned();
        let offers = request["allowedDecisions"].as_array().into_iter().flatten();
        let offers: Vec<&str> = offers.filter_map(Value::as_str).collect();
        println(&format!("{}  {}", text(&row["id"]), text(&request["sessionKey"])));
        println(&format!("  {}", text(&request["command"])));
        println(&format!("  {}", offers.join(", ")));
    }
}
