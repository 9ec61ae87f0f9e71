// Writes the HDF5 files of Recorded/tracings.json with libhdf5 (1.10.8), and prints them as that file:
//   gcc record_tracings.c $(pkg-config --cflags --libs hdf5) -o /tmp/record && /tmp/record > Recorded/tracings.json
// Four exams of 20 samples: value(exam, sample, lead) = ((31 exam + 12 sample + lead) mod 251) / 125 - 1, but zero in the
// first 3 and the last 2 rows of exam 1, and throughout exam 3.
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>

enum { exams = 4, samples = 20, leads = 12 };

static void write_block(hid_t file, const char *name, hid_t stored, hid_t given, int rank, const hsize_t *sizes,
                        const hsize_t *chunk, int shuffle, const void *values) {
  const hid_t space = H5Screate_simple(rank, sizes, NULL), settings = H5Pcreate(H5P_DATASET_CREATE);
  if (chunk != NULL) {
    H5Pset_chunk(settings, rank, chunk);
    if (shuffle) H5Pset_shuffle(settings);
    H5Pset_deflate(settings, 4);
  }
  const hid_t data = H5Dcreate2(file, name, stored, space, H5P_DEFAULT, settings, H5P_DEFAULT);
  H5Dwrite(data, given, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  H5Dclose(data);
}

static void print_base64(const char *path) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  FILE *file = fopen(path, "rb");
  unsigned char part[3];
  size_t count;
  while ((count = fread(part, 1, 3, file)) > 0) {
    const unsigned bits = part[0] << 16 | (count > 1 ? part[1] << 8 : 0) | (count > 2 ? part[2] : 0);
    putchar(letters[bits >> 18]);
    putchar(letters[bits >> 12 & 63]);
    putchar(count > 1 ? letters[bits >> 6 & 63] : '=');
    putchar(count > 2 ? letters[bits & 63] : '=');
  }
  fclose(file);
}

int main(void) {
  static float values[exams][samples][leads];
  for (int e = 0; e < exams; e++)
    for (int s = 0; s < samples; s++)
      for (int l = 0; l < leads; l++)
        values[e][s][l] = e == 3 || (e == 1 && (s < 3 || s >= 18)) ? 0 : ((31 * e + 12 * s + l) % 251) / 125.0 - 1;
  const long long ids[exams] = {1000001, 1009, 14, 7};
  const hsize_t count[1] = {exams}, sizes[3] = {exams, samples, leads};
  const hsize_t exam[3] = {1, samples, leads}, odd[3] = {3, 7, 5}, few[1] = {3};
  const struct {
    const char *name;
    hid_t ids, numbers;
    const hsize_t *id_chunk, *chunk;
    int shuffle, latest;
  } forms[] = {
      {"contiguous", H5T_STD_I64LE, H5T_IEEE_F32LE, NULL, NULL, 0, 0},
      {"an exam a chunk", H5T_STD_I32LE, H5T_IEEE_F32LE, NULL, exam, 0, 0},
      {"odd chunks", H5T_STD_U64LE, H5T_IEEE_F64LE, few, odd, 1, 0},
      {"newer form", H5T_STD_I64LE, H5T_IEEE_F32LE, NULL, NULL, 0, 1},
      {"big-endian", H5T_STD_I64LE, H5T_IEEE_F32BE, NULL, NULL, 0, 0},
  };
  for (size_t form = 0; form < sizeof forms / sizeof *forms; form++) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (forms[form].latest) H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    const hid_t file = H5Fcreate("/tmp/tracings.hdf5", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    write_block(file, "exam_id", forms[form].ids, H5T_NATIVE_LLONG, 1, count, forms[form].id_chunk, 0, ids);
    write_block(file, "tracings", forms[form].numbers, H5T_NATIVE_FLOAT, 3, sizes, forms[form].chunk,
                forms[form].shuffle, values);
    H5Fclose(file);
    printf("%s\"%s\": \"", form == 0 ? "{\n" : ",\n", forms[form].name);
    print_base64("/tmp/tracings.hdf5");
    putchar('"');
  }
  printf("\n}\n");
  return 0;
}
