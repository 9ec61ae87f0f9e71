// PNG and JPEG files in memory to 8-bit RGB, as Pillow's Image.open(file).convert("RGB") gives it: transparency is
// dropped, gamma and colour profiles are not applied, nor is an orientation.
//
// libpng and libjpeg report errors by long jumps, which Swift cannot have, so none leaves this library. Functions return
// 0 on success; otherwise they return 1 and leave the library's words, cut to `capacity` bytes, in `message`.

#ifndef C_IMAGE_FILES_H
#define C_IMAGE_FILES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t width;
  uint32_t height;
} image_size;

// Reads the size from the header without decoding a pixel.
int image_png_size(const uint8_t *bytes, size_t count, image_size *size, char *message, size_t capacity);
int image_jpeg_size(const uint8_t *bytes, size_t count, image_size *size, char *message, size_t capacity);

// Decodes into pixels [height][width][3] of the size that the header names.
int image_png_pixels(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message, size_t capacity);
int image_jpeg_pixels(const uint8_t *bytes, size_t count, uint8_t *pixels, char *message, size_t capacity);

#endif
