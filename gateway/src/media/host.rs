//! Which addresses are a platform's: what it tells us of may be anywhere, and our token is for the platform alone.

use hyper::Uri;

/// Whether an address is on one of the platform's own hosts or below one, or where its API itself is.
pub fn is_platform(address: &str, root: &str, hosts: &[&str]) -> bool {
    let (Ok(address), Ok(root)) = (address.parse::<Uri>(), root.parse::<Uri>()) else {
        return false;
    };
    let host = address.host().unwrap_or_default();
    let is_own = |domain: &&str| {
        host == *domain || host.strip_suffix(domain).is_some_and(|it| it.ends_with('.'))
    };
    let is_known = address.scheme_str() == Some("https") && hosts.iter().any(is_own);
    is_known || (address.scheme() == root.scheme() && address.authority() == root.authority())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_platforms_or_not() {
        let is_platform =
            |address| is_platform(address, "http://127.0.0.1:8080/v23.0", &["fbsbx.com"]);
        for ours in [
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
            "https://fbsbx.com/x",
            "http://127.0.0.1:8080/media/1",
        ] {
            assert!(is_platform(ours), "{ours}");
        }
        for other in [
            "http://lookaside.fbsbx.com/x",
            "https://fbsbx.com.evil.example/x",
            "https://evilfbsbx.com/x",
            "http://127.0.0.1:8081/x",
            "https://user@evil.example/x",
            "file:///etc/passwd",
            "",
        ] {
            assert!(!is_platform(other), "{other}");
        }
    }
}
