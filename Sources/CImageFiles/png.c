#include <png.h>
#include <stdio.h>
#include <string.h>

#include "CImageFiles.h"

// A palette has at most 256 colours; Pillow takes those that the file does not name for black.
#define COLOURS 256

typedef struct {
  const uint8_t *bytes;
  size_t count;
  size_t position;
  char *message;
  size_t capacity;
} source;

static void fail(png_structp png, png_const_charp words) {
  const source *from = png_get_error_ptr(png);
  snprintf(from->message, from->capacity, "%s", words);
  png_longjmp(png, 1);
}

// libpng warns of what it leaves out, such as a damaged comment; the pixels are not touched by it.
static void ignore(png_structp png, png_const_charp words) {
  (void)png;
  (void)words;
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  source *from = png_get_io_ptr(png);
  if (count > from->count - from->position) png_error(png, "the file ends early");
  memcpy(to, from->bytes + from->position, count);
  from->position += count;
}

static int grey_sample(const uint8_t *sample) {
  // Pillow clips 16-bit grey instead of scaling it.
  return sample[0] != 0 ? 255 : sample[1];
}

// Rows of one byte a pixel, packed at the front of pixels, become rows of three; from the end, so that nothing is
// overwritten before it is read.
static void expand_palette(uint8_t *pixels, size_t count, const uint8_t (*colours)[3]) {
  for (size_t i = count; i-- > 0;) memcpy(pixels + 3 * i, colours[pixels[i]], 3);
}

// Two bytes a pixel become three equal ones; row is only read before it is written.
static void expand_grey16(uint8_t *pixels, size_t count) {
  for (size_t i = count; i-- > 0;) {
    const uint8_t grey = (uint8_t)grey_sample(pixels + 2 * i);
    memset(pixels + 3 * i, grey, 3);
  }
}

// Tells libpng to give RGB, or where Pillow's rule is another, the samples as they are. Returns bytes per pixel.
static size_t choose_form(png_structp png, png_infop info) {
  const int type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
  if (type == PNG_COLOR_TYPE_PALETTE) {
    png_set_packing(png);
    return 1;
  }
  if (type == PNG_COLOR_TYPE_GRAY && depth == 16) return 2;
  if (depth == 16) png_set_strip_16(png);
  if (type & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
  if (depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (!(type & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
  return 3;
}

static void read_pixels(png_structp png, png_infop info, uint8_t *pixels) {
  const size_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  uint8_t colours[COLOURS][3] = {{0}};
  png_colorp palette = NULL;
  int count = 0;
  if (png_get_PLTE(png, info, &palette, &count))
    for (int i = 0; i < count && i < COLOURS; i++) {
      colours[i][0] = palette[i].red;
      colours[i][1] = palette[i].green;
      colours[i][2] = palette[i].blue;
    }
  const size_t form = choose_form(png, info);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != form * width) png_error(png, "rows of an unexpected length");
  for (int pass = 0; pass < passes; pass++)
    for (size_t row = 0; row < height; row++) png_read_row(png, pixels + row * width * form, NULL);
  png_read_end(png, NULL);
  if (form == 1) expand_palette(pixels, width * height, (const uint8_t(*)[3])colours);
  if (form == 2) expand_grey16(pixels, width * height);
}

static int read_png(source *from, image_size *size, uint8_t *pixels) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, from, fail, ignore);
  png_infop info = png == NULL ? NULL : png_create_info_struct(png);
  if (info == NULL) {
    png_destroy_read_struct(&png, NULL, NULL);
    snprintf(from->message, from->capacity, "no memory");
    return 1;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return 1;
  }
  png_set_read_fn(png, from, read_bytes);
  // An index beyond the palette is black, as in Pillow, not an error.
  png_set_check_for_invalid_index(png, -1);
  png_read_info(png, info);
  if (size != NULL) *size = (image_size){png_get_image_width(png, info), png_get_image_height(png, info)};
  if (pixels != NULL) read_pixels(png, info, pixels);
  png_destroy_read_struct(&png, &info, NULL);
  return 0;
}

int image_png_size(const uint8_t *bytes, size_t count, image_size *size, char *message, size_t capacity) {
  source from = {bytes, count, 0, message, capacity};
  return read_png(&from, size, NULL);
}

int image_png_pixels(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message, size_t capacity) {
  source from = {bytes, count, 0, message, capacity};
  return read_png(&from, NULL, pixels);
}
