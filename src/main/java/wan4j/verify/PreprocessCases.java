package wan4j.verify;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import wan4j.media.Clip;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.Sizing.Size;
import wan4j.preprocess.Checks;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The parts of Animate's preprocessing; what a case holds tells which part it is of. All of it is
/// computed on the CPU, whatever the backend.
final class PreprocessCases implements CaseKind {
  /// The side of the input that detections of the cases are of.
  private static final int DETECTOR_SIDE = 640;

  private static final double MOST_PIXELS_OFF = 0.001;
  private static final int UNKNOWN_PLACE = -9999;
  private static final Pattern DILATED = Pattern.compile("out\\.dilated_(\\d+)_k(\\d+)_it(\\d+)");
  private static final Pattern CELLS =
      Pattern.compile("out\\.aug_(\\d+_k\\d+_it\\d+)_w(\\d+)_h(\\d+)");

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    JsonNode config = reference.json().path("config");
    if (config.has("bboxes")) {
      return crops(reference, config);
    } else if (reference.has("in.heatmaps")) {
      return heatMaps(reference);
    } else if (config.has("shape_raw")) {
      return detections(reference, config);
    } else if (reference.has("in.template_kp133")) {
      return retargeting(reference, config);
    } else if (config.has("images")) {
      return drawings(reference, config);
    } else if (reference.has("in.mask_0")) {
      return masks(reference);
    } else if (config.has("frame_indices")) {
      return resizes(reference, config);
    }
    throw new InputException(
        "%s is of no part of preprocessing that is known; expected the inputs of crops, heat maps, detections, retargeting, drawings, masks or resizes"
            .formatted(reference.folder()));
  }

  private static Comparison relative(ReferenceCase reference, String name, Tensor got) {
    return Comparison.relative(name, got, reference.tensor(name), reference.tolerance(name));
  }

  private static Picture picture(ReferenceCase reference, String name) {
    return Picture.of(reference.tensor(name));
  }

  private static List<Comparison> crops(ReferenceCase reference, JsonNode config) {
    Picture picture = picture(reference, "in.image");
    int height = config.path("input_resolution").path(0).asInt();
    int width = config.path("input_resolution").path(1).asInt();
    List<Comparison> comparisons = new ArrayList<>();
    for (int i = 0; i < config.path("bboxes").size(); i++) {
      JsonNode box = config.path("bboxes").get(i);
      double[] sides =
          box.isNull() ? null : box.valueStream().mapToDouble(JsonNode::asDouble).toArray();
      Checks.Crop crop = Checks.crop(picture, sides, width, height);
      comparisons.add(relative(reference, "out.input_" + i, crop.input()));
      comparisons.add(relative(reference, "out.center_" + i, crop.center()));
      comparisons.add(relative(reference, "out.scale_" + i, crop.scale()));
    }
    return comparisons;
  }

  private static List<Comparison> heatMaps(ReferenceCase reference) {
    Tensor maps = reference.tensor("in.heatmaps");
    List<Comparison> comparisons = new ArrayList<>();
    for (int i = 0; i < maps.length(0); i++) {
      Checks.Points points =
          Checks.heatMaps(
              maps.at(i),
              reference.tensor("in.center").at(i).toFloats(),
              reference.tensor("in.scale").at(i).toFloats());
      comparisons.add(part(reference, "out.points", i, points.points()));
      comparisons.add(part(reference, "out.scores", i, points.scores()));
    }
    return comparisons;
  }

  private static Comparison part(ReferenceCase reference, String name, int index, Tensor got) {
    return Comparison.relative(
        name + "." + index, got, reference.tensor(name).at(index), reference.tolerance(name));
  }

  private static List<Comparison> detections(ReferenceCase reference, JsonNode config) {
    int height = config.path("shape_raw").path(0).asInt();
    int width = config.path("shape_raw").path(1).asInt();
    Tensor input = reference.tensor("out.detector_input");
    Picture picture = reversed(picture(reference, "in.image_bgr"));
    List<Comparison> comparisons = new ArrayList<>();
    comparisons.add(
        relative(
            reference,
            "out.detector_input",
            Checks.detectorInput(picture, input.length(2), input.length(1))));
    for (String layout : List.of("6", "84")) {
      Tensor output = reference.tensor("in.output" + layout);
      comparisons.add(
          relative(
              reference,
              "out.detections" + layout,
              Checks.detections(output, width, height, DETECTOR_SIDE)));
      comparisons.add(
          relative(
              reference,
              "out.person" + layout,
              Checks.person(output, width, height, DETECTOR_SIDE)));
    }
    return comparisons;
  }

  private static Picture reversed(Picture picture) {
    byte[] rgb = picture.rgb().clone();
    for (int i = 0; i < rgb.length; i += 3) {
      byte first = rgb[i];
      rgb[i] = rgb[i + 2];
      rgb[i + 2] = first;
    }
    return new Picture(picture.width(), picture.height(), rgb);
  }

  private static List<Comparison> retargeting(ReferenceCase reference, JsonNode config) {
    Tensor frames = reference.tensor("in.template_kp133");
    List<Checks.Person> video = new ArrayList<>();
    for (int i = 0; i < frames.length(0); i++) {
      video.add(person(frames.at(i), config.path("template_size")));
    }
    boolean isEdited = reference.has("in.template_edit_kp133");
    Checks.Drawn drawn =
        Checks.retargeted(
            video,
            person(reference.tensor("in.reference_kp133"), config.path("reference_size")),
            isEdited
                ? person(reference.tensor("in.template_edit_kp133"), config.path("template_size"))
                : null,
            isEdited
                ? person(reference.tensor("in.reference_edit_kp133"), config.path("reference_size"))
                : null);
    return List.of(
        relative(reference, "out.kps_body", drawn.body()),
        relative(reference, "out.kps_body_p", drawn.bodyScores()),
        hand(reference, "out.kps_lhand", drawn.leftHand(), drawn.leftScores()),
        relative(reference, "out.kps_lhand_p", drawn.leftScores()),
        hand(reference, "out.kps_rhand", drawn.rightHand(), drawn.rightScores()),
        relative(reference, "out.kps_rhand_p", drawn.rightScores()));
  }

  private static Checks.Person person(Tensor points, JsonNode size) {
    return new Checks.Person(points, size.path(0).asInt(), size.path(1).asInt());
  }

  /// Where a point has no score, the case holds a place that means none.
  private static Comparison hand(
      ReferenceCase reference, String name, Tensor points, Tensor scores) {
    float[] places = points.toFloats();
    float[] known = scores.toFloats();
    for (int i = 0; i < places.length; i++) {
      places[i] = known[i / 2] == 0 ? UNKNOWN_PLACE : places[i];
    }
    return relative(reference, name, Tensor.of(places, points.shape().toArray()));
  }

  private static List<Comparison> drawings(ReferenceCase reference, JsonNode config) {
    List<Comparison> comparisons = new ArrayList<>();
    for (int i = 0; i < config.path("images").size(); i++) {
      JsonNode image = config.path("images").get(i);
      int width = image.path("width").asInt();
      int height = image.path("height").asInt();
      Tensor points = reference.tensor("in.kp133_" + i);
      Checks.Drawn drawn = Checks.drawn(points, width, height);
      String name = "mid.meta%d_kps_".formatted(i);
      double rounding = 1e-6;
      comparisons.add(near(reference, name + "body", drawn.body(), rounding));
      comparisons.add(near(reference, name + "body_p", drawn.bodyScores(), rounding));
      comparisons.add(near(reference, name + "lhand", drawn.leftHand(), rounding));
      comparisons.add(near(reference, name + "lhand_p", drawn.leftScores(), rounding));
      comparisons.add(near(reference, name + "rhand", drawn.rightHand(), rounding));
      comparisons.add(near(reference, name + "rhand_p", drawn.rightScores(), rounding));
      comparisons.add(
          near(reference, "mid.face_" + i, Checks.face(points, width, height), rounding));
      String file = image.path("file").asString("");
      comparisons.add(drawing(reference, file, points, width, height, false));
      String plain = file.replace(".png", "_v1_nohead.png");
      if (Files.exists(reference.folder().resolve(plain))) {
        comparisons.add(drawing(reference, plain, points, width, height, true));
      }
    }
    return comparisons;
  }

  private static Comparison near(
      ReferenceCase reference, String name, Tensor got, double tolerance) {
    return Comparison.relative(name, got, reference.tensor(name), tolerance);
  }

  /// Compares a drawing: the error is the share of pixels that differ at all.
  private static Comparison drawing(
      ReferenceCase reference, String file, Tensor points, int width, int height, boolean isPlain) {
    byte[] got = Checks.draw(points, width, height, isPlain).rgb();
    byte[] expected = PictureReader.read(reference.folder().resolve(file)).rgb();
    if (got.length != expected.length) {
      return new Comparison(file, Double.NaN, MOST_PIXELS_OFF);
    }
    int different = 0;
    for (int i = 0; i < got.length; i += 3) {
      different += Arrays.equals(got, i, i + 3, expected, i, i + 3) ? 0 : 1;
    }
    return new Comparison(file, different / (got.length / 3.0), MOST_PIXELS_OFF);
  }

  private static List<Comparison> masks(ReferenceCase reference) {
    List<Comparison> comparisons = new ArrayList<>();
    for (String name : reference.tensors()) {
      Matcher dilated = DILATED.matcher(name);
      if (dilated.matches()) {
        Tensor got =
            Checks.grown(
                reference.tensor("in.mask_" + dilated.group(1)),
                Integer.parseInt(dilated.group(3)),
                Integer.parseInt(dilated.group(2)));
        comparisons.add(Comparison.exact(name, got, reference.tensor(name)));
        String masked = name.replace("dilated", "masked_image");
        if (reference.has(masked)) {
          Picture picture = picture(reference, "in.image_" + dilated.group(1));
          comparisons.add(
              Comparison.exact(
                  masked, Checks.background(picture, got).pixels(), reference.tensor(masked)));
        }
      }
      Matcher cells = CELLS.matcher(name);
      if (cells.matches()) {
        Tensor got =
            Checks.inCells(
                reference.tensor("out.dilated_" + cells.group(1)),
                Integer.parseInt(cells.group(2)),
                Integer.parseInt(cells.group(3)));
        comparisons.add(Comparison.exact(name, got, reference.tensor(name)));
      }
    }
    return comparisons;
  }

  private static List<Comparison> resizes(ReferenceCase reference, JsonNode config) {
    Picture picture = picture(reference, "in.image");
    List<Comparison> comparisons = new ArrayList<>();
    for (String name : reference.tensors()) {
      Picture resized = resized(picture, name, reference);
      if (resized != null) {
        comparisons.add(Comparison.bytes(name, resized.pixels(), reference.tensor(name)));
      }
    }
    int[] boxes = reference.tensor("out.boxes_w_h_x1_x2_y1_y2").toInts();
    int[] got = boxes.clone();
    for (int i = 0; i < boxes.length / 6; i++) {
      int[] box =
          Checks.faceBox(reference.tensor("in.face_kps_" + i), boxes[i * 6], boxes[i * 6 + 1]);
      System.arraycopy(box, 0, got, i * 6 + 2, box.length);
    }
    comparisons.add(wrong("out.boxes_w_h_x1_x2_y1_y2", got, boxes));
    int[] sizes = reference.tensor("out.resize_by_area_w_h_area_div_W_H").toInts();
    int[] own = sizes.clone();
    for (int i = 0; i < sizes.length; i += 6) {
      int[] sides = OpenCvResize.sidesOfArea(sizes[i], sizes[i + 1], sizes[i + 2], sizes[i + 3]);
      System.arraycopy(sides, 0, own, i + 4, 2);
    }
    comparisons.add(wrong("out.resize_by_area_w_h_area_div_W_H", own, sizes));
    for (JsonNode clip : config.path("frame_indices")) {
      int[] expected = clip.path("indices").valueStream().mapToInt(JsonNode::asInt).toArray();
      int[] indices =
          Clip.indices(
              clip.path("frame_num").asInt(),
              clip.path("video_fps").asDouble(),
              clip.path("fps").asDouble());
      comparisons.add(
          Comparison.holds(
              "frames " + clip.path("frame_num").asInt(), Arrays.equals(indices, expected)));
    }
    return comparisons;
  }

  private static Picture resized(Picture picture, String name, ReferenceCase reference) {
    if (!name.startsWith("out.") || reference.tensor(name).dtype() != DType.U8) {
      return null;
    }
    Shape shape = reference.tensor(name).shape();
    int height = (int) shape.size(0);
    int width = (int) shape.size(1);
    if (name.startsWith("out.resize_by_area")) {
      return OpenCvResize.fit(picture, new Size(width, height));
    }
    if (name.equals("out.resize_area_half")) { // of the part that has a half in whole pixels
      Picture part = picture.crop(0, 0, width * 2, height * 2);
      return OpenCvResize.resize(part, width, height, OpenCvResize.Filter.AREA);
    }
    OpenCvResize.Filter filter =
        name.startsWith("out.resize_area") ? OpenCvResize.Filter.AREA : OpenCvResize.Filter.LINEAR;
    return name.startsWith("out.padding_resize")
        ? OpenCvResize.letterbox(picture, width, height, filter, border(reference.tensor(name)))
        : OpenCvResize.resize(picture, width, height, filter);
  }

  /// The cases do not tell the colour of the border; its corner does.
  private static byte[] border(Tensor expected) {
    return Arrays.copyOf(Picture.of(expected).rgb(), 3);
  }

  private static Comparison wrong(String name, int[] got, int[] expected) {
    int wrong = 0;
    for (int i = 0; i < got.length; i++) {
      wrong += got[i] == expected[i] ? 0 : 1;
    }
    return Comparison.wrong(name, wrong, got.length);
  }
}
