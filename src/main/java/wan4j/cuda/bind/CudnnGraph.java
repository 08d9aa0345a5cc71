package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// A graph of cuDNN operations, and the engines that can run it. The graph owns all descriptors and
/// all its plans, which are freed by [#close].
public final class CudnnGraph implements AutoCloseable {
  private static final long ALIGNMENT = 16; // of every tensor's address, in bytes
  private static final int MOST_ENGINES = 64;
  private static final List<Integer> MODES =
      List.of(CudnnNames.HEUR_MODE_A, CudnnNames.HEUR_MODE_FALLBACK);

  private final long handle;
  private final long workspace;
  private final List<CudnnDescriptor> owned = new ArrayList<>();
  private final List<Long> operations = new ArrayList<>();
  private String refusal =
      "every engine is nondeterministic, rounds or wants too large a workspace";

  /// Which engines may be taken.
  public enum Precision {
    /// Any deterministic engine.
    ANY,
    /// No tensor cores, no rounding of operands below their own type.
    FULL
  }

  /// An empty graph of this library handle, whose plans may ask for at most so many bytes of
  /// workspace.
  public CudnnGraph(long handle, long workspace) {
    this.handle = handle;
    this.workspace = workspace;
  }

  /// Adds y = convolution of x `[n, channels, depth, height, width]` with w `[outputs, channels,
  /// …]` in float32; one list of padding before, padding after and stride for each spatial axis.
  public void convolution(
      CudnnTensor x,
      CudnnTensor w,
      CudnnTensor y,
      List<Long> before,
      List<Long> after,
      List<Long> strides) {
    var ones = strides.stream().map(stride -> 1L).toList();
    var convolution =
        make(
            CudnnNames.CONVOLUTION_DESCRIPTOR,
            made ->
                made.setInteger(
                        CudnnNames.CONVOLUTION_COMP_TYPE,
                        CudnnNames.TYPE_DATA_TYPE,
                        Cudnn.Element.FLOAT32.code)
                    .setInteger(
                        CudnnNames.CONVOLUTION_CONV_MODE,
                        CudnnNames.TYPE_CONVOLUTION_MODE,
                        CudnnNames.CROSS_CORRELATION)
                    .setLongs(
                        CudnnNames.CONVOLUTION_SPATIAL_DIMS,
                        CudnnNames.TYPE_INT64,
                        List.of((long) strides.size()))
                    .setLongs(CudnnNames.CONVOLUTION_PRE_PADDINGS, CudnnNames.TYPE_INT64, before)
                    .setLongs(CudnnNames.CONVOLUTION_POST_PADDINGS, CudnnNames.TYPE_INT64, after)
                    .setLongs(CudnnNames.CONVOLUTION_DILATIONS, CudnnNames.TYPE_INT64, ones)
                    .setLongs(
                        CudnnNames.CONVOLUTION_FILTER_STRIDES, CudnnNames.TYPE_INT64, strides));
    var operands = List.of(tensor(x), tensor(w), tensor(y));
    operation(
        CudnnNames.OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
        made ->
            made.set(CudnnNames.OPERATION_CONVOLUTION_FORWARD_X, operands.get(0))
                .set(CudnnNames.OPERATION_CONVOLUTION_FORWARD_W, operands.get(1))
                .set(CudnnNames.OPERATION_CONVOLUTION_FORWARD_Y, operands.get(2))
                .set(CudnnNames.OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution)
                .setFloat(CudnnNames.OPERATION_CONVOLUTION_FORWARD_ALPHA, 1)
                .setFloat(CudnnNames.OPERATION_CONVOLUTION_FORWARD_BETA, 0));
  }

  /// Adds c = a · b over the last two axes, summed in float32.
  public void matmul(CudnnTensor a, CudnnTensor b, CudnnTensor c) {
    var matmul =
        make(
            CudnnNames.MATMUL_DESCRIPTOR,
            made ->
                made.setInteger(
                    CudnnNames.MATMUL_COMP_TYPE,
                    CudnnNames.TYPE_DATA_TYPE,
                    Cudnn.Element.FLOAT32.code));
    var operands = List.of(tensor(a), tensor(b), tensor(c));
    operation(
        CudnnNames.OPERATION_MATMUL_DESCRIPTOR,
        made ->
            made.set(CudnnNames.OPERATION_MATMUL_ADESC, operands.get(0))
                .set(CudnnNames.OPERATION_MATMUL_BDESC, operands.get(1))
                .set(CudnnNames.OPERATION_MATMUL_CDESC, operands.get(2))
                .set(CudnnNames.OPERATION_MATMUL_DESC, matmul));
  }

  /// Adds y = mode(x, other) element by element in float32; `other` spreads over axes of size 1.
  void pointwise(int mode, CudnnTensor x, CudnnTensor other, CudnnTensor y) {
    var pointwise = pointwiseMode(mode);
    var operands = List.of(tensor(x), tensor(other), tensor(y));
    operation(
        CudnnNames.OPERATION_POINTWISE_DESCRIPTOR,
        made ->
            made.set(CudnnNames.OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise)
                .set(CudnnNames.OPERATION_POINTWISE_XDESC, operands.get(0))
                .set(CudnnNames.OPERATION_POINTWISE_BDESC, operands.get(1))
                .set(CudnnNames.OPERATION_POINTWISE_YDESC, operands.get(2)));
  }

  /// Adds y = mode(x) element by element in float32.
  void pointwise(int mode, CudnnTensor x, CudnnTensor y) {
    var pointwise = pointwiseMode(mode);
    var operands = List.of(tensor(x), tensor(y));
    operation(
        CudnnNames.OPERATION_POINTWISE_DESCRIPTOR,
        made ->
            made.set(CudnnNames.OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise)
                .set(CudnnNames.OPERATION_POINTWISE_XDESC, operands.get(0))
                .set(CudnnNames.OPERATION_POINTWISE_YDESC, operands.get(1)));
  }

  /// Adds y = x reduced over the axes in which y has size 1, in float32.
  void reduction(int operator, CudnnTensor x, CudnnTensor y) {
    var reduction =
        make(
            CudnnNames.REDUCTION_DESCRIPTOR,
            made ->
                made.setInteger(
                        CudnnNames.REDUCTION_OPERATOR,
                        CudnnNames.TYPE_REDUCTION_OPERATOR_TYPE,
                        operator)
                    .setInteger(
                        CudnnNames.REDUCTION_COMP_TYPE,
                        CudnnNames.TYPE_DATA_TYPE,
                        Cudnn.Element.FLOAT32.code));
    var operands = List.of(tensor(x), tensor(y));
    operation(
        CudnnNames.OPERATION_REDUCTION_DESCRIPTOR,
        made ->
            made.set(CudnnNames.OPERATION_REDUCTION_XDESC, operands.get(0))
                .set(CudnnNames.OPERATION_REDUCTION_YDESC, operands.get(1))
                .set(CudnnNames.OPERATION_REDUCTION_DESC, reduction));
  }

  /// Adds attention as one operation, which cuDNN has since 9.13.1: all `[batch, heads, tokens,
  /// dim]`, `scale` a single float.
  void attention(
      CudnnTensor query,
      CudnnTensor key,
      CudnnTensor value,
      CudnnTensor scale,
      CudnnTensor output) {
    var operands =
        List.of(tensor(query), tensor(key), tensor(value), tensor(output), tensor(scale));
    operation(
        CudnnNames.OPERATION_SDPA_FWD_DESCRIPTOR,
        made ->
            made.set(CudnnNames.OPERATION_SDPA_FWD_QDESC, operands.get(0))
                .set(CudnnNames.OPERATION_SDPA_FWD_KDESC, operands.get(1))
                .set(CudnnNames.OPERATION_SDPA_FWD_VDESC, operands.get(2))
                .set(CudnnNames.OPERATION_SDPA_FWD_ODESC, operands.get(3))
                .set(CudnnNames.OPERATION_SDPA_FWD_SCALEDESC, operands.get(4)));
  }

  /// The best deterministic plan: the library's first engine that can be built within the
  /// workspace; refuses a graph for which there is none.
  public CudnnPlan plan(Precision precision) {
    var plans = plans(precision, 1);
    if (plans.isEmpty()) {
      throw new CudaException(
          "cuDNN",
          "cudnnBackendFinalize",
          CudaException.UNSUPPORTED,
          "cuDNN " + Cudnn.version() + " has no engine for this operation here: " + refusal);
    }
    return plans.getFirst();
  }

  /// Up to `most` deterministic plans, the library's best guess first.
  public List<CudnnPlan> plans(Precision precision, int most) {
    var graph = graph();
    var plans = new ArrayList<CudnnPlan>();
    var place = 0;
    for (var mode : MODES) {
      for (var configuration : configurations(graph, mode)) {
        var plan = build(configuration, precision, place++);
        if (plan != null) {
          plans.add(plan);
        }
        if (plans.size() == most) {
          return plans;
        }
      }
    }
    return plans;
  }

  /// The plan of an earlier process on the same kind of device, by [CudnnPlan#algorithm], or null
  /// where the library has another engine in that place or cannot build it.
  public CudnnPlan plan(Precision precision, String algorithm) {
    var graph = graph();
    var place = Integer.parseInt(algorithm.substring(algorithm.indexOf(':') + 1));
    var passed = 0;
    for (var mode : MODES) {
      var configurations = configurations(graph, mode);
      if (place < passed + configurations.size()) {
        var plan = build(configurations.get(place - passed), precision, place);
        return plan != null && plan.algorithm().equals(algorithm) ? plan : null;
      }
      passed += configurations.size();
    }
    return null;
  }

  private CudnnDescriptor graph() {
    return make(
        CudnnNames.OPERATIONGRAPH_DESCRIPTOR,
        made ->
            made.setLongs(
                    CudnnNames.OPERATIONGRAPH_OPS, CudnnNames.TYPE_BACKEND_DESCRIPTOR, operations)
                .setLongs(
                    CudnnNames.OPERATIONGRAPH_HANDLE, CudnnNames.TYPE_HANDLE, List.of(handle)));
  }

  @Override
  public void close() {
    owned.reversed().forEach(CudnnDescriptor::close);
    owned.clear();
  }

  private List<CudnnDescriptor> configurations(CudnnDescriptor graph, int mode) {
    try (var arena = Arena.ofConfined()) {
      var heuristic =
          make(
              CudnnNames.ENGINEHEUR_DESCRIPTOR,
              made ->
                  made.set(CudnnNames.ENGINEHEUR_OPERATION_GRAPH, graph)
                      .setInteger(CudnnNames.ENGINEHEUR_MODE, CudnnNames.TYPE_HEUR_MODE, mode));
      var found = new ArrayList<CudnnDescriptor>();
      var addresses = arena.allocate(JAVA_LONG, MOST_ENGINES);
      for (var index = 0; index < MOST_ENGINES; index++) {
        var configuration = own(new CudnnDescriptor(CudnnNames.ENGINECFG_DESCRIPTOR));
        found.add(configuration);
        addresses.setAtIndex(JAVA_LONG, index, configuration.address());
      }
      var count =
          Cudnn.get(
              heuristic.address(),
              CudnnNames.ENGINEHEUR_RESULTS,
              CudnnNames.TYPE_BACKEND_DESCRIPTOR,
              MOST_ENGINES,
              addresses);
      return found.subList(0, (int) Math.min(count, MOST_ENGINES));
    } catch (CudaException e) {
      if (!e.isNotSupported()) {
        throw e;
      }
      refusal = e.getMessage(); // this kind of heuristic knows no engine for the graph
      return List.of();
    }
  }

  private CudnnPlan build(CudnnDescriptor configuration, Precision precision, int place) {
    try (var arena = Arena.ofConfined()) {
      var engine = own(new CudnnDescriptor(CudnnNames.ENGINE_DESCRIPTOR));
      var address = arena.allocateFrom(JAVA_LONG, engine.address());
      Cudnn.get(
          configuration.address(),
          CudnnNames.ENGINECFG_ENGINE,
          CudnnNames.TYPE_BACKEND_DESCRIPTOR,
          1,
          address);
      var values = arena.allocate(JAVA_INT, CudnnNames.NOTES);
      var count =
          Cudnn.get(
              engine.address(),
              CudnnNames.ENGINE_NUMERICAL_NOTE,
              CudnnNames.TYPE_NUMERICAL_NOTE,
              CudnnNames.NOTES,
              values);
      for (var index = 0; index < count; index++) {
        if (refuses(precision, values.getAtIndex(JAVA_INT, index))) {
          return null;
        }
      }
      var plan =
          make(
              CudnnNames.EXECUTION_PLAN_DESCRIPTOR,
              made ->
                  made.setLongs(
                          CudnnNames.EXECUTION_PLAN_HANDLE, CudnnNames.TYPE_HANDLE, List.of(handle))
                      .set(CudnnNames.EXECUTION_PLAN_ENGINE_CONFIG, configuration));
      var needed = plan.number(CudnnNames.EXECUTION_PLAN_WORKSPACE_SIZE);
      if (needed > workspace) {
        return null;
      }
      return new CudnnPlan(
          handle, plan.address(), needed, engine.number(CudnnNames.ENGINE_GLOBAL_INDEX), place);
    } catch (CudaException e) {
      if (!e.isNotSupported()) {
        throw e;
      }
      refusal = e.getMessage(); // the engine cannot be built here: the next one is asked
      return null;
    }
  }

  private static boolean refuses(Precision precision, int note) {
    return switch (note) {
      case CudnnNames.NOTE_NONDETERMINISTIC -> true;
      case CudnnNames.NOTE_TENSOR_CORE,
          CudnnNames.NOTE_DOWN_CONVERT_INPUTS,
          CudnnNames.NOTE_REDUCED_PRECISION_REDUCTION ->
          precision == Precision.FULL;
      default -> false;
    };
  }

  private CudnnDescriptor pointwiseMode(int mode) {
    return make(
        CudnnNames.POINTWISE_DESCRIPTOR,
        made ->
            made.setInteger(CudnnNames.POINTWISE_MODE, CudnnNames.TYPE_POINTWISE_MODE, mode)
                .setInteger(
                    CudnnNames.POINTWISE_MATH_PREC,
                    CudnnNames.TYPE_DATA_TYPE,
                    Cudnn.Element.FLOAT32.code));
  }

  private CudnnDescriptor tensor(CudnnTensor tensor) {
    return make(
        CudnnNames.TENSOR_DESCRIPTOR,
        made -> {
          made.setInteger(
                  CudnnNames.TENSOR_DATA_TYPE, CudnnNames.TYPE_DATA_TYPE, tensor.type().code)
              .setLongs(CudnnNames.TENSOR_DIMENSIONS, CudnnNames.TYPE_INT64, tensor.sizes())
              .setLongs(CudnnNames.TENSOR_STRIDES, CudnnNames.TYPE_INT64, tensor.strides())
              .setLongs(
                  CudnnNames.TENSOR_UNIQUE_ID, CudnnNames.TYPE_INT64, List.of(tensor.number()))
              .setLongs(
                  CudnnNames.TENSOR_BYTE_ALIGNMENT, CudnnNames.TYPE_INT64, List.of(ALIGNMENT));
          switch (tensor.place()) {
            case BETWEEN -> made.setTrue(CudnnNames.TENSOR_IS_VIRTUAL);
            case HOST -> made.setTrue(CudnnNames.TENSOR_IS_BY_VALUE);
            case DEVICE -> {}
          }
        });
  }

  private void operation(int type, Consumer<CudnnDescriptor> attributes) {
    operations.add(make(type, attributes).address());
  }

  private CudnnDescriptor make(int type, Consumer<CudnnDescriptor> attributes) {
    var descriptor = own(new CudnnDescriptor(type));
    attributes.accept(descriptor);
    return descriptor.finish();
  }

  private CudnnDescriptor own(CudnnDescriptor descriptor) {
    owned.add(descriptor);
    return descriptor;
  }
}
