//! QR codes (ISO/IEC 18004) of block letters, two modules in the height of one.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

use crate::output::Page;

/// Puts the QR code of a text on a page. What is too long for one is said to be.
///
/// Light modules are drawn, dark ones left out: right on terminals that write light on dark, as most do, and
/// readable by cameras on the others, which read both ways.
pub(super) fn paint(page: &mut Page, text: &str) {
    match QrCode::with_error_correction_level(text, EcLevel::L) {
        Ok(code) => {
            let mut drawn = code.render::<Dense1x2>();
            page.text(&drawn.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build());
        }
        Err(_) => page.line("(too long for a QR code)"),
    }
}
