//! Attacks on the relay: whatever one party makes it do, the others lose nothing.
//!
//! How late they get it is measured by the example `relay_attacks`.

use framelag_tests::attacks::{ATTACKS, Target, during};

use crate::healthy::Healthy;

#[test]
fn what_one_party_does_costs_the_others_no_frame() {
    let mut healthy = Healthy::start();
    let http = healthy.server.http.expect("framelag serves HTTP");
    let target = Target { rtsp: healthy.address(), http };
    for (_, attack) in ATTACKS {
        during(attack, target, || healthy.expect_frames(45));
    }
    healthy.expect_unharmed();
}
