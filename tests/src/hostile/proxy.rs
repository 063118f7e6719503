//! One direction of an RTSP connection through the proxy.

use common::rtsp::pieces::{self, MAX_HEAD, Messages, Piece};

/// The first byte says where the bytes are cut in two. However they are cut, what passes is what came, up to a head that is
/// not whole, and new ports change nothing but ports.
pub fn rtsp_proxy(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let (front, back) = stream.split_at(usize::from(*cut).min(stream.len()));
    for pieces in [&[stream][..], &[front, back]] {
        let mut messages = Messages::default();
        let mut passed = Vec::new();
        for piece in pieces.iter().flat_map(|piece| messages.take(piece)) {
            match piece {
                Piece::Bytes(bytes) => passed.extend(bytes),
                Piece::Head(head) => {
                    rewrite(&head);
                    passed.extend(head.into_bytes());
                }
            }
        }
        assert!(stream.starts_with(&passed), "what passes is what came");
        assert!(stream.len() - passed.len() <= MAX_HEAD, "no more is held back than a head");
    }
}

fn rewrite(head: &str) {
    let _ = (pieces::is_setup(head), pieces::status(head), pieces::header(head, "CSeq"));
    for parameter in ["client_port", "server_port"] {
        let told = pieces::with_ports(head, parameter, [9_000, 9_001]);
        if pieces::ports(head, parameter).is_some() {
            assert_eq!(pieces::ports(&told, parameter), Some([9_000, 9_001]), "{head:?}");
        }
    }
}
