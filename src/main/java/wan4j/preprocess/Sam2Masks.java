package wan4j.preprocess;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import wan4j.files.InputFile;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;
import wan4j.onnx.OnnxNetwork;
import wan4j.onnx.OnnxRuntime;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Masks from SAM2's image networks, exported by vietanhdev/samexporter (12ef249,
/// samexporter/export_sam2.py), whose tensors' names are read here.
///
/// Each frame is prompted with its own body's points. The reference prompts a few frames and
/// follows the person through the video with SAM2's memory, which that export leaves out, so masks
/// differ.
final class Sam2Masks implements MaskSource {
  private static final String ENCODER = "encoder.onnx";
  private static final String DECODER = "decoder.onnx";
  private static final String EXPORT =
      "export sam2_hiera_large with samexporter (github.com/vietanhdev/samexporter) into two files"
          + " that end in encoder.onnx and decoder.onnx";
  private static final List<String> FEATURES =
      List.of("high_res_feats_0", "high_res_feats_1", "image_embed");
  private static final Set<String> PROMPTS =
      Set.of("point_coords", "point_labels", "mask_input", "has_mask_input");

  /// The points that the reference prompts with (Wan2.2 42bf4cf,
  /// wan/modules/animate/preprocess/process_pipepline.py `get_mask`).
  private static final int[] POINTS = {0, 1, 2, 5, 8, 11, 10, 13};

  private static final float LEAST_SCORE = 0.3f;
  private static final int STRIDE = 4; // of the encoder's pixels for one of a mask
  private static final double[] MEANS = {0.485, 0.456, 0.406};
  private static final double[] DEVIATIONS = {0.229, 0.224, 0.225};

  private final OnnxNetwork encoder;
  private final OnnxNetwork decoder;
  private final int height;
  private final int width;

  private Sam2Masks(OnnxNetwork encoder, OnnxNetwork decoder) {
    this.encoder = encoder;
    this.decoder = decoder;
    long[] sizes = encoder.inputs().values().iterator().next();
    require(
        encoder,
        sizes.length == 4 && sizes[2] > 0 && sizes[3] > 0,
        "takes " + Arrays.toString(sizes),
        "[1, 3, 1024, 1024]");
    require(
        encoder,
        encoder.outputs().keySet().containsAll(FEATURES),
        "gives " + encoder.outputs().keySet(),
        FEATURES.toString());
    require(
        decoder,
        decoder.inputs().keySet().containsAll(FEATURES)
            && decoder.inputs().keySet().containsAll(PROMPTS)
            && decoder.outputs().keySet().containsAll(Set.of("masks", "iou_predictions")),
        "takes %s and gives %s".formatted(decoder.inputs().keySet(), decoder.outputs().keySet()),
        "%s and %s for masks and iou_predictions".formatted(FEATURES, PROMPTS));
    height = Math.toIntExact(sizes[2]);
    width = Math.toIntExact(sizes[3]);
  }

  private static void require(
      OnnxNetwork network, boolean condition, String found, String expected) {
    if (!condition) {
      throw new InputException(
          "%s %s; expected %s: %s".formatted(network.file(), found, expected, EXPORT));
    }
  }

  /// Returns encoder and decoder in the folder `sam2` of a folder such as `process_checkpoint`;
  /// throws `InputException`, which says how to get masks, when there are none.
  static List<Path> files(Path folder) {
    Path sam2 = folder.resolve("sam2");
    Optional<Path> encoder = find(sam2, ENCODER);
    Optional<Path> decoder = find(sam2, DECODER);
    if (encoder.isEmpty() || decoder.isEmpty()) {
      throw new InputException(
          "--replace_flag needs masks of the person: give them with --mask_video, or %s in %s"
              .formatted(EXPORT, sam2));
    }
    return List.of(encoder.get(), decoder.get());
  }

  private static Optional<Path> find(Path folder, String ending) {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(file -> file.toString().endsWith(ending)).sorted().findFirst();
    } catch (IOException e) {
      throw InputFile.failure(folder, e);
    }
  }

  /// Opens the networks that `files` names.
  static Sam2Masks open(List<Path> files, OnnxRuntime runtime) {
    OnnxNetwork encoder = runtime.open(files.getFirst());
    try {
      OnnxNetwork decoder = runtime.open(files.getLast());
      try {
        return new Sam2Masks(encoder, decoder);
      } catch (InputException e) {
        decoder.close();
        throw e;
      }
    } catch (InputException e) {
      encoder.close();
      throw e;
    }
  }

  @Override
  public Bitmap mask(int number, Picture picture, Pose pose) {
    Map<String, Tensor> features =
        encoder.run(Map.of(encoder.inputs().keySet().iterator().next(), pixels(picture)));
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    FEATURES.forEach(name -> inputs.put(name, features.get(name)));
    float[] points = points(pose);
    if (points.length == 0) {
      return Bitmap.empty(picture.width(), picture.height());
    }
    float[] labels = new float[points.length / 2];
    Arrays.fill(labels, 1);
    int across = width / STRIDE;
    int down = height / STRIDE;
    inputs.put("point_coords", Tensor.of(points, 1, labels.length, 2));
    inputs.put("point_labels", Tensor.of(labels, 1, labels.length));
    inputs.put("mask_input", Tensor.of(new float[across * down], 1, 1, down, across));
    inputs.put("has_mask_input", Tensor.of(new float[1], 1));
    Map<String, Tensor> masks = decoder.run(inputs);
    return best(masks.get("masks"), masks.get("iou_predictions"), picture);
  }

  private Tensor pixels(Picture picture) {
    Picture resized = OpenCvResize.resize(picture, width, height, OpenCvResize.Filter.LINEAR);
    int count = width * height;
    float[] planes = new float[3 * count];
    for (int i = 0; i < planes.length; i++) {
      int value = resized.rgb()[i % count * 3 + i / count] & 0xFF;
      planes[i] = (float) ((value / 255.0 - MEANS[i / count]) / DEVIATIONS[i / count]);
    }
    return Tensor.of(planes, 1, 3, height, width);
  }

  /// Returns the places of a body's points that were found within the picture, in the encoder's
  /// pixels.
  private float[] points(Pose pose) {
    float[] points = new float[POINTS.length * 2];
    int count = 0;
    for (int point : POINTS) {
      float x = pose.body()[point * 3];
      float y = pose.body()[point * 3 + 1];
      if (pose.score(point) >= LEAST_SCORE && x >= 0 && x <= 1 && y >= 0 && y <= 1) {
        points[count++] = x * width;
        points[count++] = y * height;
      }
    }
    return Arrays.copyOf(points, count);
  }

  /// Returns the mask that the network thinks the best, at the size of the picture.
  private static Bitmap best(Tensor masks, Tensor scores, Picture picture) {
    float[] sure = scores.toFloats();
    int best = 0;
    for (int i = 1; i < sure.length; i++) {
      best = sure[i] > sure[best] ? i : best;
    }
    Tensor chosen = masks.at(0).at(best);
    float[] logits =
        OpenCvResize.linear(
            chosen.toFloats(),
            chosen.length(1),
            chosen.length(0),
            1,
            picture.width(),
            picture.height());
    Bitmap mask = Bitmap.empty(picture.width(), picture.height());
    for (int i = 0; i < logits.length; i++) {
      mask.bits()[i] = (byte) (logits[i] > 0 ? 1 : 0);
    }
    return mask;
  }

  @Override
  public List<Path> networks() {
    return List.of(encoder.file(), decoder.file());
  }

  @Override
  public void close() {
    encoder.close();
    decoder.close();
  }
}
