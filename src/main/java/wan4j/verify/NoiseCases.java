package wan4j.verify;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import wan4j.schedule.noise.CpuNoise;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Random numbers of PyTorch's two generators. Names of tensors carry the seed and the shape; those
/// with `seq_` continue each other in their order, `.sampled` holds the elements at `.index` of a
/// large draw, and `after_SHAPE` is what follows a draw of that shape.
final class NoiseCases implements CaseKind {
  private static final double TOLERANCE = 2e-6;
  private static final Pattern CPU = Pattern.compile("out\\.seed(\\d+)\\.(seq_)?(.*)");
  private static final Pattern CUDA =
      Pattern.compile("out\\.seed(\\d+)\\.(?:after_([\\dx]+)\\.)?([\\dx]+)(\\.sampled)?");

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    boolean isCuda = reference.json().path("generator").asString("").contains("cuda");
    List<Comparison> comparisons = new ArrayList<>();
    Map<String, CpuNoise> sequences = new TreeMap<>();
    for (String name : reference.tensors().stream().sorted().toList()) {
      if (!name.endsWith(".index")) {
        comparisons.add(isCuda ? cuda(reference, name) : cpu(reference, name, sequences));
      }
    }
    return comparisons;
  }

  private static Comparison cpu(
      ReferenceCase reference, String name, Map<String, CpuNoise> sequences) {
    Matcher parts = parts(CPU, name);
    Tensor expected = reference.tensor(name);
    String seed = parts.group(1);
    CpuNoise noise =
        parts.group(2) == null
            ? new CpuNoise(Long.parseUnsignedLong(seed))
            : sequences.computeIfAbsent(seed, s -> new CpuNoise(Long.parseUnsignedLong(s)));
    String draw = parts.group(3);
    if (draw.startsWith("randint")) {
      int wrong = 0;
      for (long i = 0; i < expected.count(); i++) {
        long value = expected.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, i * Long.BYTES);
        wrong += noise.randint32() == value ? 0 : 1;
      }
      return Comparison.wrong(name, wrong, Math.toIntExact(expected.count()));
    }
    if (draw.startsWith("rand_")) {
      return Comparison.exact(name, noise.rand(expected.shape()), expected);
    }
    return Comparison.largest(name, noise.randn(expected.shape()), expected, TOLERANCE);
  }

  private static Comparison cuda(ReferenceCase reference, String name) {
    Matcher parts = parts(CUDA, name);
    Noise noise = Noise.of(Noise.Kind.CUDA, Long.parseLong(parts.group(1)));
    if (parts.group(2) != null) {
      noise.randn(shape(parts.group(2)));
    }
    Tensor drawn = noise.randn(shape(parts.group(3)));
    if (parts.group(4) != null) {
      float[] all = drawn.toFloats();
      int[] index = reference.tensor(name.replace(".sampled", ".index")).toInts();
      float[] some = new float[index.length];
      for (int i = 0; i < index.length; i++) {
        some[i] = all[index[i]];
      }
      drawn = Tensor.of(some, some.length);
    }
    return Comparison.largest(name, drawn, reference.tensor(name), TOLERANCE);
  }

  private static Matcher parts(Pattern pattern, String name) {
    Matcher parts = pattern.matcher(name);
    if (!parts.matches()) {
      throw new InputException(
          "the tensor %s has no name of a draw; expected out.seedN and a shape".formatted(name));
    }
    return parts;
  }

  private static Shape shape(String name) {
    return Shape.of(Arrays.stream(name.split("x", -1)).mapToLong(Long::parseLong).toArray());
  }
}
