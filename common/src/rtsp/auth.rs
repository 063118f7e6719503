//! Authentication: Basic and Digest (RFC 2617, RFC 7616), the client's side and the server's.
//!
//! Passwords live in [`Credentials`](crate::credentials::Credentials) and in the closure that a server looks them up with, and nowhere else; no type of
//! this module prints one.

mod client;
mod resource;
mod server;

pub use client::{Challenged, Client};
pub use server::{Attempt, Denied, Verifier};

/// Why digest_auth may not see a value: it takes positions of characters for positions of bytes and panics where they
/// differ.
fn is_safe_for_digest_auth(value: &str) -> bool {
    value.is_ascii()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::credentials::Credentials;
    use crate::time::MonoTime;

    const URL: &str = "rtsp://127.0.0.1/cam";

    fn lookup(user: &str) -> Option<String> {
        (user == "ann").then(|| "s3:cr\"et".to_owned())
    }

    fn attempt() -> Attempt<'static> {
        Attempt { method: "ANNOUNCE", uri: URL }
    }

    fn at(seconds: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_secs(seconds))
    }

    fn answer(challenge: &str, password: &str) -> String {
        let mut client = Client::new(Credentials::new("ann", password));
        assert_eq!(client.challenged(challenge), Challenged::TryAgain);
        client.authorization("ANNOUNCE", URL).expect("there is a challenge to answer")
    }

    #[test]
    fn a_client_does_not_print_its_password() {
        assert!(!format!("{:?}", Client::new(Credentials::new("ann", "p:ss"))).contains("p:ss"));
    }

    #[test]
    fn our_client_satisfies_our_server() {
        let mut server = Verifier::new("framelag");
        let challenge = server.challenge(at(0));
        assert_eq!(server.verify(&attempt(), Some(&answer(&challenge, "s3:cr\"et")), at(1), lookup), Ok("ann".into()));
        assert_eq!(server.verify(&attempt(), Some(&answer(&challenge, "wrong")), at(1), lookup), Err(Denied::Wrong));
        assert_eq!(server.verify(&attempt(), None, at(1), lookup), Err(Denied::Missing));
    }

    #[test]
    fn one_challenge_answers_many_requests_but_no_answer_counts_twice() {
        let mut server = Verifier::new("framelag");
        let mut client = Client::new(Credentials::new("ann", "s3:cr\"et"));
        client.challenged(&server.challenge(at(0)));
        for _ in 0..3 {
            let header = client.authorization("ANNOUNCE", URL).expect("an answer");
            assert!(server.verify(&attempt(), Some(&header), at(1), lookup).is_ok());
            assert_eq!(server.verify(&attempt(), Some(&header), at(1), lookup), Err(Denied::Stale), "replayed");
        }
    }

    #[test]
    fn answers_are_bound_to_nonce_time_method_and_url() {
        let mut server = Verifier::new("framelag");
        let header = answer(&server.challenge(at(0)), "s3:cr\"et");
        let elsewhere = &mut Verifier::new("framelag");
        elsewhere.challenge(at(0));
        assert_eq!(elsewhere.verify(&attempt(), Some(&header), at(1), lookup), Err(Denied::Stale));
        let other_method = Attempt { method: "SETUP", uri: URL };
        assert_eq!(server.verify(&other_method, Some(&header), at(1), lookup), Err(Denied::Wrong));
        let other_url = Attempt { method: "ANNOUNCE", uri: "rtsp://127.0.0.1/other" };
        assert_eq!(server.verify(&other_url, Some(&header), at(1), lookup), Err(Denied::Wrong));
        assert_eq!(server.verify(&attempt(), Some(&header), at(3_601), lookup), Err(Denied::Stale));
    }

    #[test]
    fn a_client_without_qop_is_taken_and_one_with_the_base_url_too() {
        // GStreamer and gortsplib answer as RFC 2069 did, VLC names the stream's URL when it sets up a track.
        let mut server = Verifier::new("framelag");
        let challenge = server.challenge(at(0)).replace(", qop=\"auth\"", "");
        let header = answer(&challenge, "s3:cr\"et");
        assert!(!header.contains("qop"));
        assert!(server.verify(&attempt(), Some(&header), at(1), lookup).is_ok());
        let setup = Attempt { method: "ANNOUNCE", uri: "rtsp://127.0.0.1/cam/trackID=0" };
        assert!(server.verify(&setup, Some(&header), at(1), lookup).is_ok());
    }

    #[test]
    fn basic_counts_only_where_it_is_allowed() {
        let basic = answer("Basic realm=\"x\"", "s3:cr\"et");
        let mut server = Verifier::new("framelag");
        assert_eq!(server.verify(&attempt(), Some(&basic), at(0), lookup), Err(Denied::Missing));
        let mut server = Verifier::new("framelag").allowing_basic();
        assert_eq!(server.verify(&attempt(), Some(&basic), at(0), lookup), Ok("ann".into()));
        assert_eq!(server.verify(&attempt(), Some("Basic !"), at(0), lookup), Err(Denied::Wrong));
    }

    #[test]
    fn the_strongest_challenge_is_answered() {
        let mut client = Client::new(Credentials::new("ann", "x"));
        let all =
            "Basic realm=\"a, b\", Digest realm=\"r\", nonce=\"1\", Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256";
        assert_eq!(client.challenged(all), Challenged::TryAgain);
        let header = client.authorization("OPTIONS", URL).expect("an answer");
        assert!(header.contains("nonce=\"2\"") && header.contains("SHA-256"), "{header}");
        let mut client = Client::new(Credentials::new("ann", "x"));
        client.challenged("Basic realm=\"a, b\"");
        assert_eq!(client.authorization("OPTIONS", URL).as_deref(), Some("Basic YW5uOng="));
        let mut client = Client::new(Credentials::new("ann", "x"));
        assert_eq!(client.challenged("Negotiate, Foo a=b"), Challenged::Unknown("Negotiate, Foo".into()));
    }

    #[test]
    fn a_realm_beyond_ascii_is_answered_as_it_is() {
        let mut client = Client::new(Credentials::new("ann", "x"));
        assert_eq!(client.challenged("Digest realm=\"c\u{85}\u{e9}\", nonce=\"1\""), Challenged::TryAgain);
        let header = client.authorization("OPTIONS", URL).expect("an answer");
        let md5 = "response=\"6c824d897e8daf277c0fe25c20cd243e\"";
        assert!(header.contains("realm=\"c\u{85}\u{e9}\"") && header.contains(md5), "{header}");
    }

    #[test]
    fn what_cannot_be_answered_says_what_it_wants() {
        for (challenge, wants) in [
            ("Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256", "Digest SHA-512-256"),
            ("Digest realm=\"r\"", "a Digest without a nonce (Digest realm=\"r\")"),
            ("Digest", "a Digest without a realm (Digest)"),
            ("Digest nonce=\"1\", Bearer", "a Digest without a realm (Digest nonce=\"1\"), Bearer"),
            (
                "Digest realm=\"\u{fffd}\", nonce=\"1\"",
                "a Digest that is not UTF-8 (Digest realm=\"\u{fffd}\", nonce=\"1\")",
            ),
        ] {
            let mut client = Client::new(Credentials::new("ann", "x"));
            assert_eq!(client.challenged(challenge), Challenged::Unknown(wants.into()));
        }
    }

    #[test]
    fn credentials_are_offered_once_and_again_only_where_the_nonce_was_stale() {
        let mut client = Client::new(Credentials::new("ann", "x"));
        assert_eq!(client.challenged("Digest realm=\"r\", nonce=\"1\""), Challenged::TryAgain);
        client.authorization("OPTIONS", URL);
        assert_eq!(client.challenged("Digest realm=\"r\", nonce=\"2\", stale=true"), Challenged::TryAgain);
        client.authorization("OPTIONS", URL);
        assert_eq!(client.challenged("Digest realm=\"r\", nonce=\"3\""), Challenged::Rejected);
        assert_eq!(client.challenged(""), Challenged::Rejected);
    }

    #[test]
    fn a_new_nonce_is_answered_once_after_credentials_were_accepted() {
        let challenge = |nonce: u32, more: &str| format!("Digest realm=\"r\", nonce=\"{nonce}\"{more}");
        let mut client = Client::new(Credentials::new("ann", "x"));
        client.accepted();
        assert_eq!(client.challenged(&challenge(1, "")), Challenged::TryAgain);
        for (nonce, more) in [(2, ""), (3, ", stale=FALSE"), (4, ", algorithm=SHA-256"), (5, ", stale=true")] {
            client.accepted();
            assert_eq!(client.challenged(&challenge(nonce, more)), Challenged::TryAgain);
            let header = client.authorization("GET_PARAMETER", URL).expect("an answer");
            assert!(header.contains(&format!("nonce=\"{nonce}\"")), "{header}");
        }
        assert_eq!(client.challenged(&challenge(6, "")), Challenged::Rejected, "they were changed meanwhile");
    }

    #[test]
    fn the_digest_of_rfc_2617_comes_out() {
        // The example of section 3.5 without qop, as cameras send it.
        let mut client = Client::new(Credentials::new("Mufasa", "Circle Of Life"));
        client.challenged("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
        let header = client.authorization("GET", "/dir/index.html").expect("an answer");
        assert!(header.contains("response=\"670fd8c2df070c60b045671b8b24ff02\""), "{header}");
    }

    proptest! {
        #[test]
        fn arbitrary_headers_never_panic(value in "\\PC*", params in r#"(Digest |Basic |realm=|nonce="|qop=auth|nc=|[",=\\é a-z0-9])*"#) {
            for value in [&value, &params] {
                let mut client = Client::new(Credentials::new("ann", "x"));
                client.challenged(value);
                client.authorization("OPTIONS", URL);
                let mut server = Verifier::new("framelag").allowing_basic();
                server.challenge(at(0));
                prop_assert!(server.verify(&attempt(), Some(value), at(1), lookup).is_err());
            }
        }
    }
}
