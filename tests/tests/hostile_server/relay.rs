//! Attacks on the relay: whatever one party makes it do, the others lose nothing, by RTSP or by HTTP.
//!
//! How late they get it is measured by the example `relay_attacks`.

use framelag_tests::attacks::{ATTACKS, Target, during};

use crate::healthy::Healthy;
use crate::viewer::Viewer;

#[test]
fn what_one_party_does_costs_the_others_no_frame() {
    let mut healthy = Healthy::start();
    let http = healthy.server.http.expect("framelag serves HTTP");
    let target = Target { rtsp: healthy.address(), http };
    let viewer = Viewer::start(http, "cam");
    for (name, attack) in ATTACKS {
        during(attack, target, || {
            healthy.expect_frames(45);
            viewer.expect_frames(name, 45);
        });
    }
    drop(viewer);
    healthy.expect_unharmed();
}
