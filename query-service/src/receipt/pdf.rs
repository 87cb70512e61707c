//! Lines of text and a QR code as a PDF, on 80 mm paper of any length or on A4 pages.
//!
//! The fonts are the standard Courier that every reader has, in Windows-1252: Spanish and English need no more, and what
//! has no place there is printed as a question mark. Not here: what the lines say (`layout`).

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use qrcode::{Color, EcLevel, QrCode};

use super::layout::Row;

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// What is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// A roll of 80 mm, of which 72 are printed on.
    Roll80,
    A4,
}

/// Measures in points.
struct Measures {
    width: f32,
    /// Of a page; a roll is as long as its text, up to this.
    height: f32,
    margin: f32,
    size: f32,
    leading: f32,
    qr: f32,
}

impl Paper {
    /// Characters of a line.
    pub fn columns(self) -> usize {
        match self {
            Paper::Roll80 => 42,
            Paper::A4 => 88,
        }
    }

    fn measures(self) -> Measures {
        match self {
            // 42 characters of 0.6 × 8 points are 202 of 227.
            Paper::Roll80 => Measures {
                width: 226.8,
                height: 14_000.0,
                margin: 12.6,
                size: 8.0,
                leading: 9.6,
                qr: 110.0,
            },
            // 88 characters of 0.6 × 9 points are 475 of 595.
            Paper::A4 => Measures {
                width: 595.3,
                height: 841.9,
                margin: 60.0,
                size: 9.0,
                leading: 11.5,
                qr: 120.0,
            },
        }
    }
}

/// The text could not be made a QR code: it is too long.
#[derive(Debug, thiserror::Error)]
#[error("the address of {0} characters does not fit into a QR code")]
pub struct QrTooLong(usize);

/// Draws the document; `url` is what the QR code holds.
///
/// # Errors
/// [`QrTooLong`]: more than about 2,300 characters.
pub fn draw(rows: &[Row], paper: Paper, title: &str, url: &str) -> Result<Vec<u8>, QrTooLong> {
    let measures = paper.measures();
    let qr =
        QrCode::with_error_correction_level(url.as_bytes(), EcLevel::M).map_err(|_| QrTooLong(url.len()))?;
    let pages = paged(rows, &measures);
    let (catalog, tree, plain, bold, info) =
        (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
    let page_ids: Vec<(Ref, Ref)> = (0_i32..)
        .zip(&pages)
        .map(|(number, _)| (Ref::new(6 + 2 * number), Ref::new(7 + 2 * number)))
        .collect();

    let mut pdf = Pdf::new();
    pdf.document_info(info)
        .title(TextStr(title))
        .producer(TextStr("Trastienda"));
    pdf.catalog(catalog).pages(tree);
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(tree)
        .kids(page_ids.iter().map(|(page, _)| *page))
        .count(count);
    for (rows, (page_id, content_id)) in pages.iter().zip(&page_ids) {
        let height = match paper {
            Paper::A4 => measures.height,
            Paper::Roll80 => {
                2.0 * measures.margin + rows.iter().map(|row| extent(row, &measures)).sum::<f32>()
            }
        };
        let mut page = pdf.page(*page_id);
        page.media_box(Rect::new(0.0, 0.0, measures.width, height));
        page.parent(tree);
        page.contents(*content_id);
        let mut resources = page.resources();
        resources.fonts().pair(PLAIN, plain).pair(BOLD, bold);
        resources.finish();
        page.finish();
        pdf.stream(*content_id, &painted(rows, &measures, height, &qr));
    }
    for (id, base) in [(plain, "Courier"), (bold, "Courier-Bold")] {
        let mut font = pdf.type1_font(id);
        font.base_font(Name(base.as_bytes()));
        font.encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    Ok(pdf.finish())
}

fn extent(row: &Row, measures: &Measures) -> f32 {
    match row {
        Row::Qr => measures.qr,
        Row::Plain(_) | Row::Bold(_) | Row::Rule => measures.leading,
    }
}

/// Cuts the rows into pages; there is at least one.
fn paged<'r>(rows: &'r [Row], measures: &Measures) -> Vec<Vec<&'r Row>> {
    let room = measures.height - 2.0 * measures.margin;
    let (mut pages, mut used) = (vec![Vec::new()], 0.0);
    for row in rows {
        let extent = extent(row, measures);
        if used + extent > room {
            pages.push(Vec::new());
            used = 0.0;
        }
        if let Some(page) = pages.last_mut() {
            page.push(row);
        }
        used += extent;
    }
    pages
}

fn painted(rows: &[&Row], measures: &Measures, height: f32, qr: &QrCode) -> Vec<u8> {
    let mut content = Content::new();
    let mut top = height - measures.margin;
    for row in rows {
        match row {
            Row::Plain(text) => line(&mut content, PLAIN, text, top, measures),
            Row::Bold(text) => line(&mut content, BOLD, text, top, measures),
            Row::Rule => {
                let y = top - measures.leading / 2.0;
                content.set_line_width(0.5);
                content.move_to(measures.margin, y);
                content.line_to(measures.width - measures.margin, y);
                content.stroke();
            }
            Row::Qr => matrix(&mut content, qr, top, measures),
        }
        top -= extent(row, measures);
    }
    content.finish().to_vec()
}

fn line(content: &mut Content, font: Name<'static>, text: &str, top: f32, measures: &Measures) {
    content.begin_text();
    content.set_font(font, measures.size);
    content.next_line(measures.margin, top - measures.size);
    content.show(Str(&windows_1252(text)));
    content.end_text();
}

/// The code with its quiet zone of four modules, centred.
fn matrix(content: &mut Content, qr: &QrCode, top: f32, measures: &Measures) {
    let modules = qr.width();
    let Ok(side) = u16::try_from(modules + 8) else {
        return;
    };
    let module = measures.qr / f32::from(side);
    let left = (measures.width - measures.qr) / 2.0;
    for (index, color) in qr.to_colors().into_iter().enumerate() {
        if color == Color::Light {
            continue;
        }
        let place = |cell: usize| u16::try_from(cell + 4).map_or(0.0, f32::from) * module;
        let (x, y) = (
            left + place(index % modules),
            top - place(index / modules) - module,
        );
        content.rect(x, y, module, module);
    }
    content.fill_nonzero();
}

fn windows_1252(text: &str) -> Vec<u8> {
    let byte = |c: char| {
        let mut buffer = [0; 4];
        let (bytes, _, is_lossy) = encoding_rs::WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
        match bytes.as_ref() {
            [byte] if !is_lossy && !c.is_control() => *byte,
            _ => b'?',
        }
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: usize) -> Vec<Row> {
        let mut rows: Vec<Row> = (0..lines)
            .map(|number| Row::Plain(format!("línea {number}")))
            .collect();
        rows.extend([Row::Rule, Row::Bold("TOTAL".to_owned()), Row::Qr]);
        rows
    }

    fn pages_of(pdf: &[u8]) -> usize {
        let text = String::from_utf8_lossy(pdf);
        text.matches("/Type /Page\n").count()
    }

    #[test]
    fn a_roll_is_one_page_as_long_as_its_text_and_a4_breaks() {
        let url = "https://tienda.example/verify/receipt/t.00";
        let roll = draw(&rows(100), Paper::Roll80, "Recibo", url).unwrap();
        assert!(roll.starts_with(b"%PDF-"));
        assert_eq!(pages_of(&roll), 1);
        let a4 = draw(&rows(100), Paper::A4, "Recibo", url).unwrap();
        assert_eq!(pages_of(&a4), 2);
    }

    #[test]
    fn spanish_has_its_letters_and_what_has_none_is_a_question_mark() {
        assert_eq!(windows_1252("Peña ¿€5?"), b"Pe\xf1a \xbf\x805?");
        assert_eq!(windows_1252("漢\u{7}"), b"??");
    }

    #[test]
    fn an_address_that_is_too_long_for_a_code_is_refused() {
        assert!(draw(&rows(1), Paper::A4, "x", &"u".repeat(4_000)).is_err());
    }
}
