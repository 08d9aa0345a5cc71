package wan4j.cpu;

import static wan4j.cpu.Floats.get;
import static wan4j.cpu.Floats.integer;
import static wan4j.cpu.Floats.set;

import java.lang.foreign.MemorySegment;
import java.util.List;
import wan4j.ops.Activation;
import wan4j.ops.RowStatistics;
import wan4j.tensor.Elements;
import wan4j.tensor.Tensor;

/// Matrix product, functions of single elements and rearrangements of the transformers, as plain
/// loops.
final class ScalarElementwise {
  private ScalarElementwise() {}

  /// Rows of a table, which may have any float type.
  static void embedding(Tensor table, Tensor ids, Tensor target) {
    MemorySegment entries = table.segment();
    MemorySegment names = ids.segment();
    MemorySegment out = target.segment();
    int dim = table.length(1);
    for (long token = 0; token < ids.count(); token++) {
      long id = integer(names, token);
      if (id < 0 || id >= table.shape().size(0)) {
        throw new IllegalArgumentException(
            "embedding: got id %d, expected 0 to %d".formatted(id, table.shape().size(0) - 1));
      }
      for (long i = 0; i < dim; i++) {
        set(out, token * dim + i, Elements.toFloat(entries, table.dtype(), id * dim + i));
      }
    }
  }

  /// `activation(x weightᵀ + bias)`.
  static void linear(Tensor x, CpuLinear layer, Activation activation, Tensor target) {
    MemorySegment values = x.segment();
    MemorySegment biases = layer.bias().segment();
    MemorySegment out = target.segment();
    int inputs = layer.inputs();
    int outputs = layer.outputs();
    MemorySegment weights = MemorySegment.ofArray(new float[inputs]); // of one output
    for (int output = 0; output < outputs; output++) {
      layer.widen(output, 1, weights);
      for (long row = 0; row < x.shape().size(0); row++) {
        double sum = get(biases, output);
        for (long i = 0; i < inputs; i++) {
          sum += (double) get(values, row * inputs + i) * get(weights, i);
        }
        set(out, row * outputs + output, apply(activation, sum));
      }
    }
  }

  /// A function of every element; the target may be `x`.
  static void activate(Tensor x, Activation activation, Tensor target) {
    MemorySegment in = x.segment();
    MemorySegment out = target.segment();
    for (long i = 0; i < x.count(); i++) {
      set(out, i, apply(activation, get(in, i)));
    }
  }

  /// The function that follows a linear layer.
  static double apply(Activation activation, double x) {
    return switch (activation) {
      case NONE -> x;
      case GELU_TANH -> gelu(x);
      case GELU_ERF -> 0.5 * x * (1 + errorFunction(x / Math.sqrt(2)));
      case SILU -> silu(x);
      case LEAKY_RELU -> Math.max(x, 0.2 * x);
    };
  }

  /// GELU in its tanh form.
  static double gelu(double x) {
    return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
  }

  /// x / (1 + exp(-x)).
  static double silu(double x) {
    return x / (1 + Math.exp(-x));
  }

  /// The error function, by its series without alternating signs.
  static double errorFunction(double x) {
    if (!(Math.abs(x) < 6)) {
      return Double.isNaN(x) ? x : Math.signum(x);
    }
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  /// `gelu(first half) * second half` of each row.
  static void gatedGelu(Tensor x, Tensor target) {
    MemorySegment values = x.segment();
    int half = target.length(1);
    for (long row = 0; row < x.shape().size(0); row++) {
      for (int i = 0; i < half; i++) {
        double gate = get(values, row * 2 * half + half + i);
        set(target.segment(), row * half + i, gelu(get(values, row * 2 * half + i)) * gate);
      }
    }
  }

  /// The parts of the modulation, part-major.
  static void modulation(Tensor table, Tensor timestep, Tensor target) {
    long parts = table.shape().size(0);
    long dim = table.shape().size(1);
    long groups = timestep.shape().size(0);
    boolean isShared = timestep.shape().size(1) == dim;
    for (long part = 0; part < parts; part++) {
      for (long group = 0; group < groups; group++) {
        long from = isShared ? group * dim : (group * parts + part) * dim;
        for (long i = 0; i < dim; i++) {
          float sum = get(table.segment(), part * dim + i) + get(timestep.segment(), from + i);
          set(target.segment(), (part * groups + group) * dim + i, sum);
        }
      }
    }
  }

  /// `x += y gate`, the row of the gate named by `rows`.
  static void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    MemorySegment out = x.segment();
    long dim = x.shape().size(1);
    for (long token = 0; token < x.shape().size(0); token++) {
      long group = integer(rows.segment(), token) * dim;
      for (long i = token * dim; i < (token + 1) * dim; i++) {
        double factor = get(gate.segment(), group + i - token * dim);
        set(out, i, get(out, i) + get(y.segment(), i) * factor);
      }
    }
  }

  /// `x += y`.
  static void add(Tensor x, Tensor y) {
    MemorySegment out = x.segment();
    MemorySegment in = y.segment();
    for (long i = 0; i < x.count(); i++) {
      set(out, i, get(out, i) + get(in, i));
    }
  }

  /// Patches of 1 x 2 x 2, channel-major within a row.
  static void patchify(List<Tensor> latents, Tensor target) {
    long row = target.shape().size(1);
    MemorySegment out = target.segment();
    long first = 0;
    for (Tensor latent : latents) {
      MemorySegment in = latent.segment();
      long channels = latent.shape().size(0);
      long frames = latent.shape().size(1);
      long height = latent.shape().size(2);
      long width = latent.shape().size(3);
      for (long source = 0; source < latent.count(); source++) {
        long x = source % width;
        long y = source / width % height;
        long frame = source / (width * height) % frames;
        long channel = source / (width * height * frames);
        long token = (frame * (height / 2) + y / 2) * (width / 2) + x / 2;
        long column = (first + channel) * 4 + y % 2 * 2 + x % 2;
        set(out, token * row + column, get(in, source));
      }
      first += channels;
    }
  }

  /// Patches, channel fastest within a row, back to latents.
  static void unpatchify(Tensor tokens, Tensor target) {
    long channels = target.shape().size(0);
    long frames = target.shape().size(1);
    long height = target.shape().size(2);
    long width = target.shape().size(3);
    MemorySegment in = tokens.segment();
    MemorySegment out = target.segment();
    for (long place = 0; place < target.count(); place++) {
      long x = place % width;
      long y = place / width % height;
      long frame = place / (width * height) % frames;
      long channel = place / (width * height * frames);
      long token = (frame * (height / 2) + y / 2) * (width / 2) + x / 2;
      long column = (y % 2 * 2 + x % 2) * channels + channel;
      set(out, place, get(in, token * 4 * channels + column));
    }
  }

  /// The sum of scaled terms; the target may be one of them.
  static void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    for (long i = 0; i < target.count(); i++) {
      double sum = 0;
      for (int term = 0; term < coefficients.length; term++) {
        sum += coefficients[term] * get(terms.get(term).segment(), i);
      }
      set(target.segment(), i, sum);
    }
  }

  /// Mean and deviation (by count - 1) of the ratio of lengths, and mean cosine distance, its
  /// lengths not below 1e-8, as PyTorch's `norm`, `std` and `cosine_similarity` have them.
  static RowStatistics compareRows(Tensor current, Tensor previous) {
    int rows = current.length(0);
    long columns = current.shape().size(1);
    MemorySegment first = current.segment();
    MemorySegment second = previous.segment();
    double[] ratios = new double[rows];
    double sum = 0;
    double distance = 0;
    for (int row = 0; row < rows; row++) {
      double product = 0;
      double squares = 0;
      double previousSquares = 0;
      for (long i = row * columns; i < (row + 1) * columns; i++) {
        double a = get(first, i);
        double b = get(second, i);
        product += a * b;
        squares += a * a;
        previousSquares += b * b;
      }
      ratios[row] = Math.sqrt(squares) / Math.sqrt(previousSquares);
      sum += ratios[row];
      double lengths = Math.max(Math.sqrt(squares), 1e-8);
      distance += 1 - product / (lengths * Math.max(Math.sqrt(previousSquares), 1e-8));
    }
    double mean = sum / rows;
    double deviation = 0;
    for (double ratio : ratios) {
      deviation += (ratio - mean) * (ratio - mean);
    }
    return new RowStatistics(
        mean, rows == 1 ? 0 : Math.sqrt(deviation / (rows - 1)), distance / rows);
  }
}
