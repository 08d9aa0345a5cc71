package wan4j.verify;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import wan4j.media.Interpolation;
import wan4j.model.ClipVision;
import wan4j.model.FaceEncoder;
import wan4j.model.MotionEncoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.ComputedSource;
import wan4j.weights.Weights;

/// The networks of Animate beside its transformer, each on a case of its own. Where a case stores
/// no weights it spells out the formula that makes them.
final class AnimateCases {
  private static final int COLOURS = 3;

  private AnimateCases() {}

  /// CLIP's tokens of a picture.
  static List<Comparison> clip(ReferenceCase reference, Backend backend) {
    int heads = reference.json().path("config").path("clip").path("vision_heads").asInt();
    Path file = reference.folder().resolveSibling(reference.json().path("checkpoint").asString(""));
    try (Weights weights = Weights.open(file);
        ClipVision network = new ClipVision(weights, heads, backend.ops());
        var _ = backend.ops().scope()) {
      Tensor picture = scaled(reference.tensor("in.image_u8"));
      Tensor planes = channelsFirst(picture);
      Tensor resized = Interpolation.bicubic(planes, network.size(), network.size());
      Tensor tokens = backend.ops().download(network.encode(resized));
      return List.of(compare(reference, backend, "out.features", tokens));
    }
  }

  /// The motion in faces.
  static List<Comparison> motion(ReferenceCase reference, Backend backend) {
    Ops ops = backend.ops();
    return withWeights(
        reference,
        weights -> {
          try (MotionEncoder network = new MotionEncoder(weights.at("motion_encoder"), ops);
              var _ = ops.scope()) {
            Tensor faces =
                reference.has("in.face_u8")
                    ? reference.tensor("in.face_u8")
                    : drawnFaces(reference.tensor("out.motion").length(0), network.size());
            Tensor motion = ops.download(network.encode(faces));
            return List.of(compare(reference, backend, "out.motion", motion));
          }
        });
  }

  /// The tokens of the motion of faces, one clip after the other.
  static List<Comparison> faceEncoder(ReferenceCase reference, Backend backend) {
    Ops ops = backend.ops();
    return withWeights(
        reference,
        weights -> {
          List<Comparison> comparisons = new ArrayList<>();
          try (FaceEncoder network = new FaceEncoder(weights.at("face_encoder"), ops)) {
            Tensor motion = reference.tensor("in.motion");
            for (int clip = 0; clip < motion.length(0); clip++) {
              try (var _ = ops.scope()) {
                Tensor tokens = network.encode(ops.upload(motion.at(clip), DType.F32));
                comparisons.add(
                    Comparison.relative(
                        "out.tokens." + clip,
                        ops.download(tokens),
                        reference.tensor("out.tokens").at(clip),
                        backend.tolerance(reference.tolerance("out.tokens"))));
              }
            }
          }
          return comparisons;
        });
  }

  private static Comparison compare(
      ReferenceCase reference, Backend backend, String name, Tensor got) {
    double tolerance = backend.tolerance(reference.tolerance(name));
    return Comparison.relative(name, got, reference.tensor(name), tolerance);
  }

  /// Runs a computation over the weights that a case names, or that its formula makes.
  private static List<Comparison> withWeights(
      ReferenceCase reference, Function<Weights, List<Comparison>> computation) {
    JsonNode made = reference.json().path("config").path("tensors_amp");
    if (made.isObject()) {
      return computation.apply(formula(made));
    }
    Path folder =
        reference.folder().resolveSibling(reference.json().path("checkpoint").asString(""));
    try (Weights weights = Weights.open(folder)) {
      return computation.apply(weights);
    }
  }

  /// Returns bytes `[…]` as float32 in [-1, 1].
  private static Tensor scaled(Tensor bytes) {
    float[] values = bytes.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] = values[i] / 127.5f - 1;
    }
    return Tensor.of(values, bytes.shape().toArray());
  }

  private static Tensor channelsFirst(Tensor picture) {
    float[] pixels = picture.toFloats();
    float[] planes = new float[pixels.length];
    for (int i = 0; i < pixels.length; i++) {
      planes[i % COLOURS * (pixels.length / COLOURS) + i / COLOURS] = pixels[i];
    }
    return Tensor.of(planes, COLOURS, picture.length(0), picture.length(1));
  }

  // ---- what cases spell out

  /// Returns the faces of the case that stores none: unsigned bytes `[faces, size, size, 3]`.
  private static Tensor drawnFaces(int faces, int size) {
    byte[] values = new byte[faces * size * size * COLOURS];
    for (int i = 0; i < values.length; i++) {
      int colour = i % COLOURS;
      int x = i / COLOURS % size;
      int y = i / COLOURS / size % size;
      int face = i / COLOURS / size / size;
      values[i] = (byte) ((x * (3 + colour) + y * (5 - colour) + 37 * face) / 4 % 256);
    }
    return new Tensor(
        Shape.of(faces, size, size, COLOURS),
        DType.U8,
        new HostStorage(MemorySegment.ofArray(values)));
  }

  private static Weights formula(JsonNode made) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    made.properties()
        .forEach(entry -> {
          String name = entry.getKey();
          long[] sizes = new long[entry.getValue().path("shape").size()];
          for (int i = 0; i < sizes.length; i++) {
            sizes[i] = entry.getValue().path("shape").get(i).asLong();
          }
          double amplitude = entry.getValue().path("amp").asDouble();
          Shape shape = Shape.of(sizes);
          sources.put(name, new ComputedSource(name, shape, () -> drawn(name, shape, amplitude)));
          if (name.endsWith("conv2.1.weight") || name.endsWith("skip.1.weight")) {
            String kernel = name.replaceFirst("1\\.weight$", "0.kernel");
            sources.put(kernel, TensorSource.of(kernel, blur()));
          }
        });
    if (sources.isEmpty()) {
      throw new InputException("the case names no weights; expected tensors_amp or a checkpoint");
    }
    return Weights.of("weights of a formula", sources);
  }

  private static Tensor blur() {
    float[] line = {1, 3, 3, 1};
    float[] kernel = new float[line.length * line.length];
    for (int i = 0; i < kernel.length; i++) {
      kernel[i] = line[i / line.length] * line[i % line.length] / 64;
    }
    return Tensor.of(kernel, line.length, line.length);
  }

  /// Returns numbers from -amplitude to amplitude, drawn by SplitMix64 from a hash of the tensor's
  /// name (FNV-1a).
  private static float[] drawn(String name, Shape shape, double amplitude) {
    long hash = 0xCBF29CE484222325L;
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
    }
    float[] values = new float[Math.toIntExact(shape.count())];
    for (int i = 0; i < values.length; i++) {
      long z = hash + (i + 1L) * 0x9E3779B97F4A7C15L;
      z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
      z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
      z ^= z >>> 31;
      values[i] = (float) (((z >>> 40) - (1 << 23)) * (amplitude / (1 << 23)));
    }
    return values;
  }
}
