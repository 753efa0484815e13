//! Pictures of the window or of a chart in it: asked of the screen, cut out, copied or kept for a file.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use egui::{Color32, ColorImage, Context, Rect};

use super::command::PictureOf;

/// Pictures under way; more are not asked for at once by anybody.
const WAITING: usize = 4;

/// Pictures that were asked for and those that came.
pub(crate) struct Pictures {
    send: SyncSender<Taken>,
    receive: Receiver<Taken>,
}

/// A picture as it came.
pub(crate) struct Taken {
    pub(crate) of: PictureOf,
    pub(crate) image: ColorImage,
}

impl Pictures {
    pub(crate) fn new() -> Self {
        let (send, receive) = sync_channel(WAITING);
        Self { send, receive }
    }

    /// Takes a picture of the frame that is drawn next.
    pub(crate) fn take(&self, ctx: &Context, of: PictureOf) {
        let (send, again) = (self.send.clone(), ctx.clone());
        let scale = ctx.pixels_per_point();
        ctx.request_screenshot(move |whole: Arc<ColorImage>| {
            let image = match of.rect {
                Some(rect) => cut(&whole, rect, scale),
                None => whole.as_ref().clone(),
            };
            // The window may be closed before the picture is there.
            if send.try_send(Taken { of, image }).is_ok() {
                again.request_repaint();
            }
        });
    }

    /// Pictures that came.
    pub(crate) fn poll(&self) -> Vec<Taken> {
        self.receive.try_iter().collect()
    }
}

/// What a rectangle of the window covers, in pixels of the screen; what lies outside is left out.
fn cut(whole: &ColorImage, rect: Rect, scale: f32) -> ColorImage {
    let [width, height] = whole.size;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never negative, and no screen has 2^24 pixels a side"
    )]
    let pixel = |points: f32, most: usize| ((points * scale).round().max(0.0) as usize).min(most);
    let (left, right) = (pixel(rect.left(), width), pixel(rect.right(), width));
    let (top, bottom) = (pixel(rect.top(), height), pixel(rect.bottom(), height));
    let size = [right.saturating_sub(left), bottom.saturating_sub(top)];
    let lines = whole.pixels.chunks(width.max(1));
    let lines = lines.take(bottom).skip(top);
    let pixels = lines.flat_map(|line| line.get(left..right).unwrap_or_default());
    ColorImage::new(size, pixels.copied().collect())
}

/// The picture as a PNG file.
///
/// # Errors
/// Why it could not be packed, in words.
pub(crate) fn png(image: &ColorImage) -> Result<Vec<u8>, String> {
    let side = |n: usize| u32::try_from(n).map_err(|why| why.to_string());
    let [width, height] = image.size;
    let bytes: Vec<u8> = image.pixels.iter().flat_map(Color32::to_array).collect();
    let mut out = std::io::Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut out,
        &bytes,
        side(width)?,
        side(height)?,
        image::ColorType::Rgba8,
        image::ImageFormat::Png,
    )
    .map_err(|why| why.to_string())?;
    Ok(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn a_chart_is_cut_out_in_the_pixels_of_the_screen() {
        let pixels = (0..32).map(Color32::from_gray).collect();
        let whole = ColorImage::new([8, 4], pixels);
        let rect = Rect::from_min_max(pos2(1.0, 0.5), pos2(2.0, 9.0));
        let got = cut(&whole, rect, 2.0);
        assert_eq!(got.size, [2, 3]);
        let expected = [10, 11, 18, 19, 26, 27].map(Color32::from_gray);
        assert_eq!(got.pixels, expected);
        let outside = Rect::from_min_max(pos2(90.0, 0.0), pos2(99.0, 9.0));
        assert_eq!(cut(&whole, outside, 1.0).size, [0, 4]);
    }

    #[test]
    fn a_png_holds_the_same_pixels() {
        let pixels = (0..6).map(Color32::from_gray).collect();
        let image = ColorImage::new([3, 2], pixels);
        let back = image::load_from_memory(&png(&image).unwrap()).unwrap();
        assert_eq!(back.to_rgba8().as_raw()[4..8], [1, 1, 1, 255]);
    }
}
