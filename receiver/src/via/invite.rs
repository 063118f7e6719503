//! Tells a person how to open the page: its URL, the certificate's fingerprint, and a QR code for a phone's camera.

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::server::Server;
use crate::output::Output;

/// Prints how to open the page of `server`.
pub(super) fn tell(output: &Output, server: &Server) {
    let Some(fingerprint) = &server.fingerprint else {
        output.event("page", "", format_args!("open this in a browser on this host: {}", server.page));
        return;
    };
    output.event("page", "", format_args!("open this on one device that reaches this host: {}", server.page));
    let vouched = "its certificate is self-signed: accept it if its SHA-256 fingerprint is";
    output.event("certificate", "", format_args!("{vouched} {fingerprint}"));
    if let Some(code) = code(&server.page) {
        output.block(&code);
    }
}

/// Renders the QR code of `text`, two modules per character, dark on light; `None` if the text is too long.
fn code(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    // Terminals are dark: a blank is a dark module.
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_its_token_is_a_code_that_fits_a_terminal() {
        let url = format!("https://192.168.100.100:65535/measure/index.html?token={:032x}", u128::MAX);
        let code = code(&url).expect("it fits");
        let widths: Vec<_> = code.lines().map(|line| line.chars().count()).collect();
        assert!(widths[0] <= 60 && widths.iter().all(|width| *width == widths[0]), "{code}");
        assert_eq!(scanned(&code), url);
    }

    /// What a camera reads on a dark terminal.
    fn scanned(code: &str) -> String {
        const PIXELS: usize = 4;
        let lines: Vec<Vec<char>> = code.lines().map(|line| line.chars().collect()).collect();
        let grey = |x: usize, y: usize| {
            let (column, row) = (x / PIXELS, y / PIXELS);
            let lit = if row % 2 == 0 { ['█', '▀'] } else { ['█', '▄'] };
            if lit.contains(&lines[row / 2][column]) { 255 } else { 0 }
        };
        let (width, height) = (lines[0].len() * PIXELS, 2 * lines.len() * PIXELS);
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
        let found = picture.detect_grids();
        assert_eq!(found.len(), 1, "{code}");
        found[0].decode().expect("it can be read").1
    }
}
