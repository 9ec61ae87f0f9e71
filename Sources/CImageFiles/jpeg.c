#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "CImageFiles.h"

// A small progressive file can name so many passes over a large image that decoding takes minutes.
#define MOST_SCANS 500

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf exit;
  char *message;
  size_t capacity;
} errors;

typedef struct {
  struct jpeg_progress_mgr manager;
} progress;

static void put_words(j_common_ptr codec) {
  const errors *to = (const errors *)codec->err;
  char words[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, words);
  snprintf(to->message, to->capacity, "%s", words);
}

static void fail(j_common_ptr codec) {
  errors *to = (errors *)codec->err;
  put_words(codec);
  longjmp(to->exit, 1);
}

// Level -1 is a warning. The library repairs what it warns of by guessing, so damaged pixels are an error here; what
// touches no pixel passes, as in Pillow.
static void heed(j_common_ptr codec, int level) {
  if (level >= 0) return;
  switch (codec->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_ICC: return;
    default: fail(codec);
  }
}

static void count_scans(j_common_ptr codec) {
  if (codec->is_decompressor && ((j_decompress_ptr)codec)->input_scan_number > MOST_SCANS) {
    const errors *to = (const errors *)codec->err;
    snprintf(to->message, to->capacity, "more than %d passes", MOST_SCANS);
    longjmp(((errors *)codec->err)->exit, 1);
  }
}

// x y / 255, rounded, as Pillow's MULDIV255 has it.
static unsigned scaled(unsigned x, unsigned y) {
  const unsigned product = x * y + 128;
  return ((product >> 8) + product) >> 8;
}

// Four-ink samples, stored inverted, as all programs write them, to RGB in place at the front of the row.
static void convert_inks(const uint8_t *inks, uint8_t *row, size_t width) {
  for (size_t x = 0; x < width; x++) {
    const unsigned white = inks[4 * x + 3];
    for (size_t ink = 0; ink < 3; ink++) {
      const int left = (int)white - (int)scaled(255u - inks[4 * x + ink], white);
      row[3 * x + ink] = (uint8_t)(left < 0 ? 0 : left);
    }
  }
}

static void read_pixels(j_decompress_ptr codec, uint8_t *pixels) {
  const size_t width = codec->image_width, row = 3 * width;
  const int has_inks = codec->num_components == 4;
  codec->out_color_space = has_inks ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(codec);
  JSAMPARRAY inks = NULL;
  if (has_inks) inks = codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, (JDIMENSION)(4 * width), 1);
  while (codec->output_scanline < codec->output_height) {
    JSAMPROW to = pixels + codec->output_scanline * row;
    jpeg_read_scanlines(codec, has_inks ? inks : &to, 1);
    if (has_inks) convert_inks(inks[0], to, width);
  }
  jpeg_finish_decompress(codec);
}

static int read_jpeg(const uint8_t *bytes, size_t count, image_size *size, uint8_t *pixels, char *message,
                     size_t capacity) {
  struct jpeg_decompress_struct codec;
  errors to = {.message = message, .capacity = capacity};
  progress watch = {.manager = {.progress_monitor = count_scans}};
  memset(&codec, 0, sizeof codec);
  codec.err = jpeg_std_error(&to.manager);
  to.manager.error_exit = fail;
  to.manager.emit_message = heed;
  if (setjmp(to.exit)) {
    jpeg_destroy_decompress(&codec);
    return 1;
  }
  jpeg_create_decompress(&codec);
  codec.progress = &watch.manager;
  jpeg_mem_src(&codec, bytes, count);
  jpeg_read_header(&codec, TRUE);
  if (size != NULL) *size = (image_size){codec.image_width, codec.image_height};
  if (pixels != NULL) read_pixels(&codec, pixels);
  jpeg_destroy_decompress(&codec);
  return 0;
}

int image_jpeg_size(const uint8_t *bytes, size_t count, image_size *size, char *message, size_t capacity) {
  return read_jpeg(bytes, count, size, NULL, message, capacity);
}

int image_jpeg_pixels(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message, size_t capacity) {
  return read_jpeg(bytes, count, NULL, pixels, message, capacity);
}
