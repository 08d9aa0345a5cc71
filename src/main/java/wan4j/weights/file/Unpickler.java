package wan4j.weights.file;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.files.Quoted;

/// Reads the values of a pickle of protocols 2 to 5 without executing anything: names are looked up
/// in what the caller allows, calls become the caller's own records.
///
/// The machine has no recursion, so deep nesting costs what its bytes cost; its opcodes are those
/// of Python's pickletools.
final class Unpickler {
  private static final int LARGEST_STACK = 1_000_000;
  private static final int DEEPEST = 200;
  private static final Object MARK = new Object();

  /// A value that Python writes as None.
  enum None {
    NONE
  }

  /// A name in a Python module.
  record Global(String module, String name) {}

  /// A Python tuple, list or set.
  record Sequence(List<Object> items) {
    Object get(int index) {
      return items.get(index);
    }

    int size() {
      return items.size();
    }
  }

  /// A Python dictionary.
  record Dictionary(Map<Object, Object> entries) {}

  /// What a pickle may refer to.
  interface Meaning {
    /// Returns whether a name may appear at all.
    boolean allows(Global global);

    /// Returns the value of a call of an allowed name; throws `MalformedPickle` when the arguments
    /// do not fit.
    Object call(Global function, Sequence arguments);

    /// Returns the value that lies outside the pickle under this reference.
    Object external(Sequence reference);
  }

  /// Thrown for a pickle that is damaged or asks for what is not allowed; the message continues the
  /// sentence "the file …".
  static final class MalformedPickle extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedPickle(String message) {
      super(message, null, false, false);
    }
  }

  private final ByteBuffer in;
  private final Meaning meaning;
  private final List<Object> stack = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  private Unpickler(byte[] pickle, Meaning meaning) {
    this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    this.meaning = meaning;
  }

  /// Returns the value of a pickle; throws `MalformedPickle`.
  static Object read(byte[] pickle, Meaning meaning) {
    try {
      return new Unpickler(pickle, meaning).run();
    } catch (BufferUnderflowException e) {
      throw new MalformedPickle("holds a pickle that ends too early");
    }
  }

  private Object run() {
    while (true) {
      int opcode = in.get() & 0xFF;
      if (opcode == '.') {
        return pop();
      }
      step(opcode);
      if (stack.size() > LARGEST_STACK || marks.size() > DEEPEST) {
        throw new MalformedPickle("nests its values too deeply");
      }
    }
  }

  private void step(int opcode) {
    switch (opcode) {
      case 0x80 -> protocol(in.get());
      case 0x95 -> in.getLong(); // FRAME
      case '(' -> {
        marks.add(stack.size());
        stack.add(MARK);
      }
      case '0' -> pop();
      case '1' -> popToMark();
      case '2' -> stack.add(top());
      case 'N' -> stack.add(None.NONE);
      case 0x88 -> stack.add(true);
      case 0x89 -> stack.add(false);
      case 'J' -> stack.add((long) in.getInt());
      case 'K' -> stack.add((long) (in.get() & 0xFF));
      case 'M' -> stack.add((long) (in.getShort() & 0xFFFF));
      case 0x8A -> stack.add(integer(in.get() & 0xFF));
      case 'G' -> {
        in.order(ByteOrder.BIG_ENDIAN);
        stack.add(in.getDouble());
        in.order(ByteOrder.LITTLE_ENDIAN);
      }
      case 'X' -> stack.add(text(in.getInt() & 0xFFFFFFFFL));
      case 0x8C -> stack.add(text(in.get() & 0xFF));
      case 0x8D -> stack.add(text(in.getLong()));
      case 'U', 'C' -> stack.add(bytes(in.get() & 0xFF));
      case 'T', 'B' -> stack.add(bytes(in.getInt() & 0xFFFFFFFFL));
      case 0x8E -> stack.add(bytes(in.getLong()));
      case ']', 0x8F -> stack.add(new Sequence(new ArrayList<>()));
      case '}' -> stack.add(new Dictionary(new LinkedHashMap<>()));
      case ')' -> stack.add(new Sequence(List.of()));
      case 't', 'l', 0x91 -> stack.add(new Sequence(popToMark()));
      case 0x85 -> tuple(1);
      case 0x86 -> tuple(2);
      case 0x87 -> tuple(3);
      case 'd' -> {
        Dictionary dictionary = new Dictionary(new LinkedHashMap<>());
        put(dictionary, popToMark());
        stack.add(dictionary);
      }
      case 'a' -> {
        Object item = pop();
        append(List.of(item));
      }
      case 'e', 0x90 -> append(popToMark());
      case 's' -> {
        Object value = pop();
        Object key = pop();
        put(top(), List.of(key, value));
      }
      case 'u' -> {
        List<Object> items = popToMark();
        put(top(), items);
      }
      case 'q' -> memo.put(in.get() & 0xFF, top());
      case 'r' -> memo.put(in.getInt(), top());
      case 0x94 -> memo.put(memo.size(), top());
      case 'h' -> stack.add(remembered(in.get() & 0xFF));
      case 'j' -> stack.add(remembered(in.getInt()));
      case 'c' -> stack.add(global(line(), line()));
      case 0x93 -> {
        Object name = pop();
        Object module = pop();
        if (!(name instanceof String n && module instanceof String m)) {
          throw new MalformedPickle("names a function by something other than text");
        }
        stack.add(global(m, n));
      }
      case 'R', 0x81 -> {
        Object arguments = pop();
        Object function = pop();
        if (!(function instanceof Global global && arguments instanceof Sequence sequence)) {
          throw new MalformedPickle("calls something that is not a function");
        }
        stack.add(meaning.call(global, sequence));
      }
      case 'b' -> {
        // attributes such as OrderedDict's _metadata say nothing about tensors
        pop();
        top();
      }
      case 'Q' -> {
        if (!(pop() instanceof Sequence reference)) {
          throw new MalformedPickle("refers to its storages in an unknown way");
        }
        stack.add(meaning.external(reference));
      }
      default ->
          throw new MalformedPickle(
              "uses the pickle instruction 0x%02X, which torch.save does not write"
                  .formatted(opcode));
    }
  }

  private static void protocol(int version) {
    if (version < 2 || version > 5) {
      throw new MalformedPickle("is a pickle of protocol " + version);
    }
  }

  private Global global(String module, String name) {
    Global global = new Global(module, name);
    if (!meaning.allows(global)) {
      throw new MalformedPickle(
          "asks for " + Quoted.of(module + "." + name) + ", which tensors do not need");
    }
    return global;
  }

  private Object pop() {
    if (stack.isEmpty() || stack.getLast() == MARK) {
      throw new MalformedPickle("holds a damaged pickle");
    }
    return stack.removeLast();
  }

  private Object top() {
    if (stack.isEmpty() || stack.getLast() == MARK) {
      throw new MalformedPickle("holds a damaged pickle");
    }
    return stack.getLast();
  }

  private List<Object> popToMark() {
    if (marks.isEmpty()) {
      throw new MalformedPickle("holds a damaged pickle");
    }
    List<Object> tail = stack.subList(marks.removeLast(), stack.size());
    List<Object> items = new ArrayList<>(tail.subList(1, tail.size()));
    tail.clear();
    return items;
  }

  private void tuple(int size) {
    List<Object> items = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      items.addFirst(pop());
    }
    stack.add(new Sequence(items));
  }

  private void append(List<Object> items) {
    if (!(top() instanceof Sequence list) || !(list.items instanceof ArrayList)) {
      throw new MalformedPickle("adds items to something that is not a list");
    }
    list.items.addAll(items);
  }

  private static void put(Object target, List<Object> items) {
    if (!(target instanceof Dictionary dictionary) || items.size() % 2 != 0) {
      throw new MalformedPickle("adds entries to something that is not a dictionary");
    }
    for (int i = 0; i < items.size(); i += 2) {
      // nothing here is looked up by a key of another kind, and a tuple would be hashed item by
      // item, which a hostile file can make endless
      if (items.get(i) instanceof String || items.get(i) instanceof Long) {
        dictionary.entries.put(items.get(i), items.get(i + 1));
      }
    }
  }

  private Object remembered(int index) {
    Object value = memo.get(index);
    if (value == null) {
      throw new MalformedPickle("refers to a value that it does not hold");
    }
    return value;
  }

  /// Reads a little-endian integer; one that exceeds 64 bits, which no size does, becomes None.
  private Object integer(int length) {
    byte[] bytes = bytes(length);
    if (length > 8) {
      return None.NONE;
    }
    long value = length > 0 && bytes[length - 1] < 0 ? -1 : 0;
    for (int i = length - 1; i >= 0; i--) {
      value = (value << 8) | (bytes[i] & 0xFF);
    }
    return value;
  }

  private byte[] bytes(long length) {
    if (length < 0 || length > in.remaining()) {
      throw new MalformedPickle("holds a pickle that ends too early");
    }
    byte[] bytes = new byte[(int) length];
    in.get(bytes);
    return bytes;
  }

  private String text(long length) {
    return new String(bytes(length), StandardCharsets.UTF_8);
  }

  private String line() {
    int start = in.position();
    while (in.get() != '\n') {
      if (in.position() - start > 1000) {
        throw new MalformedPickle("holds an endless name");
      }
    }
    return new String(in.array(), start, in.position() - 1 - start, StandardCharsets.UTF_8);
  }
}
