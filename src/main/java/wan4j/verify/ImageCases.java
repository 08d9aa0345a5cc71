package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import tools.jackson.databind.JsonNode;
import wan4j.media.Interpolation;
import wan4j.media.Picture;
import wan4j.media.Resampling;
import wan4j.media.Sizing;
import wan4j.media.Sizing.Size;
import wan4j.model.LatentGrid;
import wan4j.model.WanVae21;
import wan4j.model.WanVae22;
import wan4j.tensor.InputException;

/// Pictures made smaller and larger, and the sizes of the videos that are made from them.
final class ImageCases implements CaseKind {
  private static final int STEP = LatentGrid.sideStep(WanVae22.STRIDE); // of a ti2v video

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>(sizes(reference.json()));
    for (JsonNode item : reference.json().path("items")) {
      int index = item.path("index").asInt();
      if (reference.has("in.pil" + index)) {
        comparisons.add(resize(reference, item, index));
      } else if (reference.has("in.bicubic" + index)) {
        comparisons.add(interpolate(reference, item, index));
      } else if (reference.has("in.img" + index)) {
        comparisons.addAll(crop(reference, item, index));
      } else {
        throw new InputException(
            "%s has no in.pil%d, in.bicubic%d or in.img%d; expected the input of every item"
                .formatted(reference.folder(), index, index, index));
      }
    }
    return comparisons;
  }

  private static Comparison resize(ReferenceCase reference, JsonNode item, int index) {
    Size target = size(item.path("to_wh"), 0);
    Picture resized =
        Resampling.valueOf(item.path("filter").asString())
            .resize(
                Picture.of(reference.tensor("in.pil" + index)), target.width(), target.height());
    String name = "out.pil" + index;
    return Comparison.bytes(name, resized.pixels(), reference.tensor(name));
  }

  private static Comparison interpolate(ReferenceCase reference, JsonNode item, int index) {
    String name = "out.bicubic" + index;
    return Comparison.relative(
        name,
        Interpolation.bicubic(
            reference.tensor("in.bicubic" + index),
            item.path("to_hw").path(0).asInt(),
            item.path("to_hw").path(1).asInt()),
        reference.tensor(name),
        reference.tolerance(name));
  }

  private static List<Comparison> crop(ReferenceCase reference, JsonNode item, int index) {
    Picture picture = Picture.of(reference.tensor("in.img" + index));
    Size from = new Size(picture.width(), picture.height());
    Size target = Sizing.bestOutput(from, STEP, item.path("max_area").asLong());
    Size resized = Sizing.cover(from, target);
    String name = "out.cropped" + index;
    List<Comparison> comparisons = new ArrayList<>();
    comparisons.add(
        Comparison.holds("out_wh." + index, target.equals(size(item.path("out_wh"), 0))));
    comparisons.add(
        Comparison.holds("resized_wh." + index, resized.equals(size(item.path("resized_wh"), 0))));
    if (reference.has("mid.resized" + index)) {
      comparisons.add(
          Comparison.bytes(
              "mid.resized" + index,
              Resampling.LANCZOS.resize(picture, resized.width(), resized.height()).pixels(),
              reference.tensor("mid.resized" + index)));
    }
    comparisons.add(
        Comparison.bytes(
            name,
            Sizing.coverAndCrop(picture, target, Resampling.LANCZOS).pixels(),
            reference.tensor(name)));
    return comparisons;
  }

  /// Compares tables of `[width, height, area, width, height]`; a case may hold either, or none.
  private static List<Comparison> sizes(JsonNode json) {
    List<Comparison> comparisons = new ArrayList<>();
    table(comparisons, "best_output_size", json.path("best_output_size_rows"), ImageCases::best);
    table(comparisons, "i2v_latent_size", json.path("i2v_rows"), ImageCases::latent);
    return comparisons;
  }

  private static Size best(Size picture, long area) {
    return Sizing.bestOutput(picture, STEP, area);
  }

  private static Size latent(Size picture, long area) {
    return Sizing.imageToVideoLatent(picture, WanVae21.STRIDE, LatentGrid.PATCH, area);
  }

  private static void table(
      List<Comparison> comparisons, String name, JsonNode rows, BiFunction<Size, Long, Size> rule) {
    int wrong = 0;
    for (JsonNode row : rows) {
      wrong += rule.apply(size(row, 0), row.path(2).asLong()).equals(size(row, 3)) ? 0 : 1;
    }
    if (!rows.isEmpty()) {
      comparisons.add(Comparison.wrong(name, wrong, rows.size()));
    }
  }

  private static Size size(JsonNode row, int first) {
    return new Size(row.path(first).asInt(), row.path(first + 1).asInt());
  }
}
