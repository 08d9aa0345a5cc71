package wan4j.weights.file;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import wan4j.files.Quoted;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.Unpickler.Dictionary;
import wan4j.weights.file.Unpickler.Global;
import wan4j.weights.file.Unpickler.MalformedPickle;
import wan4j.weights.file.Unpickler.None;
import wan4j.weights.file.Unpickler.Sequence;

/// Reads the tensors of a PyTorch file as `torch.save` writes it since version 1.6: a zip of one
/// pickle and one entry for each storage.
final class TorchReader implements Unpickler.Meaning {
  private static final int LARGEST_PICKLE = 32 << 20;
  private static final int HIGHEST_RANK = 32;
  // an expanded tensor repeats one element; this many are believed
  private static final long LARGEST_EXPANSION = 1 << 20;
  private static final Global ORDERED_DICT = new Global("collections", "OrderedDict");
  private static final Set<Global> REBUILDERS =
      Set.of(
          new Global("torch._utils", "_rebuild_tensor"),
          new Global("torch._utils", "_rebuild_tensor_v2"),
          new Global("torch._utils", "_rebuild_tensor_v3"));
  private static final Set<Global> PARAMETERS =
      Set.of(
          new Global("torch._utils", "_rebuild_parameter"),
          new Global("torch._utils", "_rebuild_parameter_with_state"));
  // what a tensor of a class of its own is made by: a function, the class, arguments, attributes
  private static final Global FROM_TYPE = new Global("torch._tensor", "_rebuild_from_type_v2");
  private static final Set<Global> HARMLESS =
      Set.of(
          ORDERED_DICT,
          FROM_TYPE,
          new Global("torch", "Tensor"),
          new Global("torch.nn.parameter", "Parameter"),
          new Global("torch.nn.parameter", "Buffer"),
          new Global("torch", "Size"),
          new Global("torch", "device"),
          new Global("torch.storage", "UntypedStorage"),
          new Global("torch", "UntypedStorage"));
  // PyTorch's other element types, which no network here needs
  private static final Pattern OTHER_TYPE =
      Pattern.compile(
          "u?int[1-7]|uint(16|32|64)|complex(32|64|128)|chalf|cfloat|cdouble|q?u?int(8|32)|quint[24]x[24]"
              + "|bits(1x8|2x4|4x2|8|16)|float8_\\w+|float4_\\w+|(Complex\\w+|QU?Int\\w+)Storage");
  // where training programs keep the network beside their own state
  private static final List<String> WRAPPERS =
      List.of("state_dict", "model_state_dict", "model", "module", "ema", "ema_state_dict");
  private static final int DEEPEST_WRAPPER = 3;
  // entries of dictionaries that calls may make: a file has a few thousand tensors
  private static final long MOST_ENTRIES = 2_000_000;

  /// A block of elements in one zip entry; untyped storages count bytes, and those of a type that
  /// is not read have none.
  private record Block(DType dtype, String type, long count, long position) {}

  /// A tensor of a type that is not read.
  private record Unread(String type) {}

  private final PositionedFile file;
  private final ZipEntries zip;
  private final String prefix;
  private final Map<String, String> unread = new LinkedHashMap<>();
  private long entries;

  private TorchReader(PositionedFile file, ZipEntries zip, String prefix) {
    this.file = file;
    this.zip = zip;
    this.prefix = prefix;
  }

  /// Reads the table of contents; throws `InputException` when the file is damaged or hostile.
  static TensorFile read(PositionedFile file) {
    ZipEntries zip = ZipEntries.read(file);
    List<String> pickles =
        zip.entries().keySet().stream().filter(name -> ("/" + name).endsWith("/data.pkl")).toList();
    if (pickles.size() != 1) {
      throw new InputException(
          "%s holds %d entries named data.pkl; expected one, as torch.save writes: give a PyTorch checkpoint"
              .formatted(file.path(), pickles.size()));
    }
    ZipEntries.Entry entry = zip.entries().get(pickles.getFirst());
    if (entry.size() > LARGEST_PICKLE) {
      throw new InputException(
          "%s holds a pickle of %d bytes; expected less than %d: save only the tensors"
              .formatted(file.path(), entry.size(), LARGEST_PICKLE));
    }
    String name = entry.name();
    TorchReader reader =
        new TorchReader(file, zip, name.substring(0, name.length() - "data.pkl".length()));
    try {
      reader.checkByteOrder();
      byte[] pickle = file.read(zip.position(entry), (int) entry.size());
      Map<String, TensorSource> tensors = reader.tensors(Unpickler.read(pickle, reader));
      return new TensorFile(file, tensors, Map.of(), reader.unread);
    } catch (MalformedPickle e) {
      throw new InputException(
          "%s %s; nothing was executed, expected a plain table of tensors: get the file from a source you trust"
              .formatted(file.path(), e.getMessage()),
          e);
    }
  }

  private void checkByteOrder() {
    ZipEntries.Entry order = zip.entries().get(prefix + "byteorder");
    if (order != null) {
      byte[] text = file.read(zip.position(order), (int) Math.min(order.size(), 16));
      if (!new String(text, StandardCharsets.US_ASCII).equals("little")) {
        throw new InputException(
            file.path()
                + " was written on a big-endian machine; expected little-endian: convert it there");
      }
    }
  }

  private Map<String, TensorSource> tensors(Object root) {
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    if (root instanceof Dictionary top) {
      collect(network(top), tensors);
    }
    if (tensors.isEmpty()) {
      throw new MalformedPickle("holds no named tensors");
    }
    return tensors;
  }

  /// Returns the dictionary that holds the network: the innermost one under a name that wraps it,
  /// also where tensors of something else lie beside that.
  private static Dictionary network(Dictionary top) {
    Dictionary network = top;
    for (int depth = 0; depth < DEEPEST_WRAPPER; depth++) {
      Dictionary inner = wrapped(network);
      if (inner == null) {
        break;
      }
      network = inner;
    }
    return network;
  }

  private static Dictionary wrapped(Dictionary outer) {
    for (String wrapper : WRAPPERS) {
      if (outer.entries().get(wrapper) instanceof Dictionary inner
          && (inner.entries().values().stream().anyMatch(TensorSource.class::isInstance)
              || wrapped(inner) != null)) {
        return inner;
      }
    }
    return null;
  }

  private void collect(Dictionary dictionary, Map<String, TensorSource> tensors) {
    dictionary
        .entries()
        .forEach((key, value) -> {
          if (key instanceof String name) {
            TensorFile.requireName(file.path(), name);
          }
          if (key instanceof String name && value instanceof TensorSource source) {
            tensors.put(name, named(source, name));
          } else if (key instanceof String name && value instanceof Unread tensor) {
            unread.put(name, tensor.type);
          }
        });
  }

  private static TensorSource named(TensorSource source, String name) {
    return switch (source) {
      case FileSource s -> new FileSource(name, s.shape(), s.dtype(), s.file(), s.position());
      case StridedSource s -> s.named(name);
      case NegatedSource s -> new NegatedSource(named(s.source(), name));
      default -> throw new IllegalStateException("unknown source " + source);
    };
  }

  @Override
  public boolean allows(Global global) {
    return HARMLESS.contains(global)
        || REBUILDERS.contains(global)
        || PARAMETERS.contains(global)
        || dtype(global) != null
        || isOtherType(global);
  }

  private static boolean isOtherType(Global global) {
    return global.module().equals("torch") && OTHER_TYPE.matcher(global.name()).matches();
  }

  @Override
  public Object call(Global function, Sequence arguments) {
    if (REBUILDERS.contains(function)) {
      return tensor(function, arguments);
    }
    if (PARAMETERS.contains(function) && arguments.size() > 0) {
      return arguments.get(0);
    }
    if (function.equals(ORDERED_DICT)) {
      return orderedDict(arguments);
    }
    if (function.equals(FROM_TYPE)
        && arguments.size() > 2
        && arguments.get(0) instanceof Global own
        && (REBUILDERS.contains(own) || PARAMETERS.contains(own))
        && arguments.get(2) instanceof Sequence inner) {
      return call(own, inner);
    }
    if (function.module().equals("torch")
        && function.name().equals("Size")
        && arguments.size() == 1) {
      return arguments.get(0);
    }
    if (function.module().equals("torch") && function.name().equals("device")) {
      return None.NONE;
    }
    throw new MalformedPickle("calls " + Quoted.of(function.name()) + " in an unknown way");
  }

  private Object orderedDict(Sequence arguments) {
    Map<Object, Object> entries = new LinkedHashMap<>();
    if (arguments.size() == 1 && arguments.get(0) instanceof Sequence pairs) {
      this.entries += pairs.size();
      if (this.entries > MOST_ENTRIES) {
        throw new MalformedPickle(
            "makes dictionaries of more than %,d entries".formatted(MOST_ENTRIES));
      }
      for (Object pair : pairs.items()) {
        if (!(pair instanceof Sequence p && p.size() == 2 && p.get(0) instanceof String)) {
          throw new MalformedPickle("holds a dictionary of unknown form");
        }
        entries.put(p.get(0), p.get(1));
      }
    } else if (arguments.size() > 0) {
      throw new MalformedPickle("holds a dictionary of unknown form");
    }
    return new Dictionary(entries);
  }

  @Override
  public Object external(Sequence reference) {
    if (reference.size() < 5
        || !"storage".equals(reference.get(0))
        || !(reference.get(1) instanceof Global type)
        || !(reference.get(2) instanceof String key)
        || !(reference.get(4) instanceof Long count)) {
      throw new MalformedPickle("refers to its storages in an unknown way");
    }
    DType dtype = type.name().equals("UntypedStorage") ? DType.U8 : dtype(type);
    if (count < 0 || (dtype == null && !isOtherType(type))) {
      throw new MalformedPickle("has a storage of unknown type " + Quoted.of(type.name()));
    }
    ZipEntries.Entry entry = zip.entries().get(prefix + "data/" + key);
    if (entry == null) {
      throw new MalformedPickle("lacks the storage " + Quoted.of(key));
    }
    if (dtype == null) {
      return new Block(null, type.name(), count, zip.position(entry));
    }
    if (entry.size() / dtype.bytes() < count) {
      throw new MalformedPickle(
          "has %d bytes in storage %s, which needs %d elements of %s"
              .formatted(entry.size(), Quoted.of(key), count, dtype));
    }
    return new Block(dtype, type.name(), count, zip.position(entry));
  }

  private Object tensor(Global function, Sequence arguments) {
    if (arguments.size() < 4
        || !(arguments.get(0) instanceof Block block)
        || !(arguments.get(1) instanceof Long offset)) {
      throw new MalformedPickle("describes a tensor in an unknown way");
    }
    DType dtype = block.dtype;
    boolean isTyped = function.name().endsWith("_v3");
    if (isTyped) {
      Global type = arguments.size() > 6 && arguments.get(6) instanceof Global g ? g : null;
      dtype = type == null ? null : dtype(type);
      if (dtype == null && type != null && isOtherType(type)) {
        return new Unread(type.name());
      }
      if (dtype == null || block.dtype == null) {
        throw new MalformedPickle("describes a tensor of unknown type");
      }
    }
    if (dtype == null) {
      return new Unread(block.type);
    }
    TensorSource source = tensor(block, offset, dtype, arguments);
    int place = isTyped ? 7 : 6;
    return arguments.size() > place && arguments.get(place) instanceof Dictionary bits
        ? withBits(source, bits)
        : source;
  }

  /// Applies what PyTorch keeps beside a tensor's elements (torch/_utils.py, set_tensor_metadata).
  private static TensorSource withBits(TensorSource source, Dictionary bits) {
    if (Boolean.TRUE.equals(bits.entries().get("conj"))) {
      throw new MalformedPickle("holds a conjugate tensor of type " + source.dtype());
    }
    if (!Boolean.TRUE.equals(bits.entries().get("neg"))) {
      return source;
    }
    if (!NegatedSource.isNegatable(source.dtype())) {
      throw new MalformedPickle("holds a negated tensor of type " + source.dtype());
    }
    return new NegatedSource(source);
  }

  private TensorSource tensor(Block block, long offset, DType dtype, Sequence arguments) {
    long[] sizes = integers(arguments.get(2));
    long[] strides = integers(arguments.get(3));
    long available = block.count * block.dtype.bytes() / dtype.bytes();
    if (sizes.length != strides.length || sizes.length > HIGHEST_RANK || offset < 0) {
      throw new MalformedPickle("describes a tensor in an unknown way");
    }
    try {
      Shape shape = Shape.of(sizes);
      long last = offset;
      for (int i = 0; i < sizes.length; i++) {
        last = Math.addExact(last, Math.multiplyExact(Math.max(0, sizes[i] - 1), strides[i]));
      }
      if (shape.count() > 0 && last >= available) {
        throw new MalformedPickle(
            "has a tensor %s that reaches beyond its storage of %d elements"
                .formatted(shape, available));
      }
      if (shape.count() > Math.max(available, LARGEST_EXPANSION)) {
        throw new MalformedPickle("expands %d elements to a tensor %s".formatted(available, shape));
      }
      if (isContiguous(sizes, strides) || shape.count() == 0) {
        return new FileSource("", shape, dtype, file, block.position + offset * dtype.bytes());
      }
      return new StridedSource("", shape, dtype, file, block.position, offset, strides);
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw new MalformedPickle("has a tensor with impossible sizes");
    }
  }

  private static boolean isContiguous(long[] sizes, long[] strides) {
    long expected = 1;
    for (int i = sizes.length - 1; i >= 0; i--) {
      if (sizes[i] != 1 && strides[i] != expected) {
        return false;
      }
      expected *= sizes[i];
    }
    return true;
  }

  private static long[] integers(Object value) {
    if (!(value instanceof Sequence sequence) || sequence.size() > HIGHEST_RANK) {
      throw new MalformedPickle("describes a tensor in an unknown way");
    }
    List<Long> numbers = new ArrayList<>();
    for (Object item : sequence.items()) {
      if (!(item instanceof Long number) || number < 0) {
        throw new MalformedPickle("has a tensor with impossible sizes");
      }
      numbers.add(number);
    }
    return numbers.stream().mapToLong(Long::longValue).toArray();
  }

  /// Returns the type behind a name such as `torch.FloatStorage` or `torch.float8_e4m3fn`, or null.
  private static DType dtype(Global global) {
    if (!global.module().equals("torch")) {
      return null;
    }
    return switch (global.name()) {
      case "DoubleStorage", "float64" -> DType.F64;
      case "FloatStorage", "float32" -> DType.F32;
      case "HalfStorage", "float16" -> DType.F16;
      case "BFloat16Storage", "bfloat16" -> DType.BF16;
      case "LongStorage", "int64" -> DType.I64;
      case "IntStorage", "int32" -> DType.I32;
      case "ShortStorage", "int16" -> DType.I16;
      case "CharStorage", "int8" -> DType.I8;
      case "ByteStorage", "uint8" -> DType.U8;
      case "BoolStorage", "bool" -> DType.BOOL;
      case "float8_e4m3fn" -> DType.F8_E4M3;
      case "float8_e5m2" -> DType.F8_E5M2;
      default -> null;
    };
  }
}
