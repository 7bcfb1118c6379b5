//! Roles and scopes: what a connection is, and what it may do.

use std::fmt;

/// What a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A host that lends its capabilities.
    Node,
    /// Somebody who operates the gateway.
    Operator,
}

/// What an operator may do. The order is that of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything an operator can do.
    Admin,
    /// Answer for risky tools.
    Approvals,
    /// Let devices in.
    Pairing,
    /// Look.
    Read,
    /// Talk to agents; includes looking.
    Write,
}

/// Scopes in the order in which they were asked for, none twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Role {
    /// The role of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Node, Self::Operator].into_iter().find(|it| it.name() == name)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Operator => "operator",
        }
    }
}

impl Scope {
    /// Every scope, by name.
    pub const ALL: [Self; 5] =
        [Self::Admin, Self::Approvals, Self::Pairing, Self::Read, Self::Write];

    /// The scope of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "operator.admin",
            Self::Approvals => "operator.approvals",
            Self::Pairing => "operator.pairing",
            Self::Read => "operator.read",
            Self::Write => "operator.write",
        }
    }
}

impl Scopes {
    /// No scope at all.
    pub const NONE: Self = Self(Vec::new());

    /// Those of the names that are scopes; who asks for more gets what there is.
    pub fn known<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(|it| Scope::named(it.trim())).collect()
    }

    /// Whether an operator with these may do what needs `scope`.
    pub fn allow(&self, scope: Scope) -> bool {
        let has = |it| self.0.contains(&it);
        has(Scope::Admin) || has(scope) || (scope == Scope::Read && has(Scope::Write))
    }

    /// Whether a connection of a role that was granted these may have those.
    pub fn cover(&self, role: Role, asked: &Self) -> bool {
        asked.iter().all(|it| match role {
            Role::Operator => self.allow(it),
            Role::Node => self.0.contains(&it),
        })
    }

    /// These and then those.
    #[must_use]
    pub fn with(&self, others: &Self) -> Self {
        self.iter().chain(others.iter()).collect()
    }

    /// The same by name, as device tokens list them.
    #[must_use]
    pub fn sorted(&self) -> Self {
        let mut scopes = self.0.clone();
        scopes.sort_unstable();
        Self(scopes)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.iter().map(Scope::name).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut all = Vec::new();
        for scope in scopes {
            if !all.contains(&scope) {
                all.push(scope);
            }
        }
        Self(all)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::known(text.split(','))
    }

    #[test]
    fn unknown_and_repeated_scopes_are_left_out() {
        let known = scopes("operator.write,operator.moon, operator.read ,operator.write,,admin");
        assert_eq!(known.to_string(), "operator.write,operator.read");
        assert_eq!(known.sorted().to_string(), "operator.read,operator.write");
        assert_eq!(known.with(&scopes("operator.admin")).names().len(), 3);
        assert!(Scope::ALL.is_sorted_by_key(|it| it.name()));
    }

    #[test]
    fn admin_includes_all_and_write_includes_read() {
        let check = |granted: &str, expected: &str| {
            let granted = scopes(granted);
            let allowed: Scopes = Scope::ALL.into_iter().filter(|it| granted.allow(*it)).collect();
            assert_eq!(allowed.to_string(), expected);
        };
        check("", "");
        check("operator.read", "operator.read");
        check("operator.write", "operator.read,operator.write");
        check("operator.pairing", "operator.pairing");
        let all = "operator.admin,operator.approvals,operator.pairing,operator.read,operator.write";
        check("operator.admin", all);
        assert!(scopes("operator.write").cover(Role::Operator, &scopes("operator.read")));
        assert!(!scopes("operator.write").cover(Role::Node, &scopes("operator.read")));
        assert!(Scopes::NONE.cover(Role::Node, &Scopes::NONE));
    }

    #[test]
    fn roles_have_two_names() {
        assert_eq!(Role::named("operator"), Some(Role::Operator));
        assert_eq!(Role::named("node"), Some(Role::Node));
        assert_eq!(Role::named("Operator"), None);
    }
}
