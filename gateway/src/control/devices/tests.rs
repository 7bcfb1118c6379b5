use super::{tokens::Made, *};

const DAY_MS: u64 = 86_400_000;

fn access(device: &str, scopes: &str) -> Access {
    Access {
        device_id: device.to_owned(),
        public_key: format!("key of {device}"),
        role: Role::Operator,
        scopes: Scopes::known(scopes.split(',')),
        about: About { platform: Some("linux".to_owned()), ..About::default() },
        consent: Consent::Asked,
    }
}

fn paired(device: &str, scopes: &str) -> Devices {
    let mut devices = Devices::default();
    devices.request(access(device, scopes), "r", 0).unwrap();
    devices.approve("r", Secret::new("token-1"), 0).unwrap().expect("it waits");
    devices
}

#[test]
fn a_device_waits_until_somebody_approves() {
    let mut devices = Devices::default();
    let wanted = access("d", "operator.read");
    assert_eq!(devices.need(&wanted), Some(Need::Pairing));
    assert_eq!(devices.request(wanted.clone(), "r-1", 5).unwrap().pending.request_id, "r-1");
    // Asking again is the same request.
    assert_eq!(devices.request(wanted.clone(), "r-2", 6).unwrap().pending.request_id, "r-1");
    assert_eq!(devices.all_pending().len(), 1);
    assert!(devices.approve("r-2", Secret::new("t"), 7).unwrap().is_none());
    let approved = devices.approve("r-1", Secret::new("t"), 7).unwrap().expect("it waits");
    assert_eq!((approved.approved_at_ms, approved.tokens.len()), (7, 1));
    assert_eq!(devices.need(&wanted), None);
    assert!(devices.all_pending().is_empty());
    assert!(devices.remove("d").is_some() && devices.remove("d").is_none());
    assert_eq!(devices.need(&wanted), Some(Need::Pairing));
}

#[test]
fn nobody_waits_for_ever_and_not_too_many_wait() {
    let mut devices = Devices::default();
    for at in 0..PENDING_MAX {
        devices.request(access(&format!("d{at}"), ""), &format!("r{at}"), 0).unwrap();
    }
    let one_more = access("another", "");
    assert_eq!(devices.request(one_more.clone(), "r", 1).unwrap_err(), Error::TooManyPending);
    assert!(devices.request(access("d1", ""), "r", PENDING_MS_MAX).is_ok());
    assert!(devices.request(one_more, "r", PENDING_MS_MAX + 1).is_ok());
    assert_eq!(devices.all_pending().len(), 2);
    assert!(devices.approve("r0", Secret::new("t"), PENDING_MS_MAX + 1).unwrap().is_none());
    assert!(devices.reject("r1").is_some() && devices.reject("r1").is_none());
}

#[test]
fn not_too_many_are_paired() {
    let mut devices = Devices::default();
    for at in 0..PAIRED_MAX {
        devices.request(access(&format!("d{at}"), ""), "r", 0).unwrap();
        devices.approve("r", Secret::new("t"), 0).unwrap().expect("it waits");
    }
    devices.request(access("another", ""), "r", 0).unwrap();
    let refused = devices.approve("r", Secret::new("t"), 0).unwrap_err();
    assert_eq!(refused, Error::TooManyPaired);
    assert!(devices.pending("r").is_some(), "it goes on waiting");
    devices.remove("d0");
    assert!(devices.approve("r", Secret::new("t"), 0).unwrap().is_some());
}

#[test]
fn more_than_was_approved_is_asked_for_again() {
    let devices = paired("d", "operator.write");
    let check = |change: fn(&mut Access), expected| {
        let mut wanted = access("d", "operator.write");
        change(&mut wanted);
        assert_eq!(devices.need(&wanted), expected);
    };
    check(|_| (), None);
    check(|it| it.scopes = Scopes::known(["operator.read"]), None);
    check(|it| it.scopes = Scopes::known(["operator.admin"]), Some(Need::Scopes));
    check(|it| it.role = Role::Node, Some(Need::Role));
    check(|it| it.public_key = "another".to_owned(), Some(Need::Pairing));
    check(|it| it.about.platform = Some("LINUX ".to_owned()), None);
    check(|it| it.about.platform = Some("darwin".to_owned()), Some(Need::Metadata));
    check(|it| it.about.family = Some("phone".to_owned()), None);
    assert_eq!(Need::Scopes.name(), "scope-upgrade");
}

#[test]
fn requests_of_one_device_add_up_and_are_silent_only_together() {
    let mut devices = Devices::default();
    let silent = |scopes| Access { consent: Consent::Silent, ..access("d", scopes) };
    let first = devices.request(silent("operator.read"), "r", 0).unwrap().pending;
    assert_eq!(first.access.consent, Consent::Silent);
    let node = Access { role: Role::Node, ..access("d", "operator.write") };
    let both = devices.request(node, "s", 1).unwrap().pending;
    assert_eq!(both.access.scopes.to_string(), "operator.read,operator.write");
    assert_eq!(both.roles, [Role::Operator, Role::Node]);
    assert_eq!(both.access.consent, Consent::Asked);
    let again = devices.request(silent("operator.read"), "t", 2).unwrap().pending;
    assert_eq!(again.access.consent, Consent::Asked, "what a person was asked stays asked");
    let approved = devices.approve("s", Secret::new("t"), 3).unwrap().expect("it waits");
    assert_eq!(approved.roles, [Role::Node, Role::Operator]);
}

#[test]
fn who_approves_a_request_approves_what_it_was_when_it_was_shown() {
    let mut devices = Devices::default();
    let mut ask = |role, scopes, id| {
        let wanted = Access { role, ..access("d", scopes) };
        let asked = devices.request(wanted, id, 0).unwrap();
        (asked.pending.request_id.clone(), asked.superseded)
    };
    let (one, two, three) = ("r-1".to_owned(), "r-2".to_owned(), "r-3".to_owned());
    assert_eq!(ask(Role::Operator, "operator.read", "r-1"), (one.clone(), None));
    assert_eq!(ask(Role::Operator, "operator.admin", "r-2"), (two.clone(), Some(one)));
    assert_eq!(ask(Role::Operator, "operator.read", "r"), (two.clone(), None), "it covers both");
    assert_eq!(ask(Role::Node, "", "r-3"), (three, Some(two)));
    assert_eq!(devices.all_pending().len(), 1);
    for id in ["r-1", "r-2"] {
        assert!(devices.approve(id, Secret::new("t"), 1).unwrap().is_none(), "{id} is no more");
    }
    let approved = devices.approve("r-3", Secret::new("t"), 1).unwrap().expect("it waits");
    assert_eq!(approved.scopes.to_string(), "operator.read,operator.admin");
}

#[test]
fn a_token_lets_its_device_in_as_far_as_it_goes() {
    let mut devices = paired("d", "operator.write");
    let mut check = |device, role, scopes: &str, token, expected| {
        let scopes = Scopes::known(scopes.split(','));
        assert_eq!(devices.use_token(device, (role, &scopes), token, 9), expected, "{token}");
    };
    check("d", Role::Operator, "operator.read", "token-1", Ok(()));
    check("d", Role::Operator, "operator.read", "token-2", Err(tokens::Error::Mismatch));
    check("d", Role::Operator, "operator.admin", "token-1", Err(tokens::Error::Scopes));
    check("d", Role::Node, "", "token-1", Err(tokens::Error::Mismatch));
    check("e", Role::Operator, "", "token-1", Err(tokens::Error::Mismatch));
    assert_eq!(devices.paired("d").unwrap().tokens[&Role::Operator].last_used_at_ms, Some(9));
}

#[test]
fn a_token_is_kept_while_it_is_enough() {
    let mut devices = paired("d", "operator.write");
    let [read, admin] = ["operator.read", "operator.admin"].map(|it| Scopes::known([it]));
    let mut ensure = |role, scopes: &Scopes| {
        let (token, made) = devices.ensure_token("d", (role, scopes), Secret::new("token-2"), 5)?;
        Some((token.secret.expose().to_owned(), token.issued_at_ms(), made))
    };
    assert_eq!(ensure(Role::Operator, &read), Some(("token-1".to_owned(), 0, Made::Before)));
    assert_eq!(ensure(Role::Operator, &admin), None);
    assert_eq!(ensure(Role::Node, &Scopes::NONE), None);
    devices.revoke_token("d", Role::Operator, 6).expect("there is one");
    let revoked = devices.use_token("d", (Role::Operator, &read), "token-1", 7);
    assert_eq!(revoked, Err(tokens::Error::Mismatch));
    let next = devices.ensure_token("d", (Role::Operator, &read), Secret::new("token-3"), 8);
    assert_eq!(next.map(|(it, made)| (it.issued_at_ms(), made)), Some((8, Made::Now)));
}

#[test]
fn a_rotated_token_replaces_the_old_one_and_grants_no_more() {
    let mut devices = paired("d", "operator.write");
    let admin = Scopes::known(["operator.admin"]);
    let mut rotate = |device, scopes| {
        let new = Secret::new("token-2");
        devices.rotate_token(device, (Role::Operator, scopes), new, 4).is_some()
    };
    assert!(!rotate("d", Some(&admin)) && !rotate("e", None));
    assert!(rotate("d", None));
    let wanted = (Role::Operator, &Scopes::NONE);
    assert!(devices.use_token("d", wanted, "token-1", 5).is_err());
    assert!(devices.use_token("d", wanted, "token-2", 5).is_ok());
}

#[test]
fn what_is_shown_has_no_token_and_what_is_stored_comes_back() {
    let mut devices = paired("d", "operator.write");
    devices.request(access("e", "operator.read"), "r-2", DAY_MS).unwrap();
    devices.update("d", About { display_name: Some("Desk".to_owned()), ..About::default() });
    let shown = devices.json(None);
    assert_eq!(shown["paired"][0]["displayName"], "Desk");
    assert_eq!(shown["paired"][0]["platform"], "linux");
    assert_eq!(shown["paired"][0]["tokens"][0]["scopes"][0], "operator.write");
    assert_eq!(shown["pending"][0]["requestId"], "r-2");
    assert!(!format!("{shown} {devices:?}").contains("token-1"));
    let stored = disk::write(&devices);
    assert!(stored.contains("token-1"));
    assert_eq!(disk::read(&stored), Ok(devices));
    let refused = disk::read(r#"{"form":1,"paired":["secret"]}"#).unwrap_err().to_string();
    assert!(refused.starts_with("line 1, column ") && !refused.contains("secret"), "{refused}");
    assert_eq!(
        disk::read(&stored.replace("\"form\": 1", "\"form\": 2")),
        Err(disk::Error::Unknown)
    );
}
