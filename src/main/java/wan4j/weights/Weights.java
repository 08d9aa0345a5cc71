package wan4j.weights;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import wan4j.files.Quoted;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.ScaledSource;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;
import wan4j.weights.file.TensorFile;

/// The named tensors of one network, or of one part of it, addressed by the original checkpoint's
/// names; nothing is read before a backend takes a source.
public final class Weights implements AutoCloseable {
  /// The name of the tensor by which other programs know that a file's FP8 weights have scales
  /// beside them (Comfy-Org/ComfyUI at a125cd8, comfy/model_detection.py); here it is seen without.
  public static final String MARKER = "scaled_fp8";

  /// The entry of a file's metadata that names the recipe by which wan4j has converted it.
  public static final String RECIPE = "wan4j.fp8_recipe";

  /// The name of a tensor in which a text encoder's file carries its SentencePiece model, byte by
  /// byte (Comfy-Org/ComfyUI at a125cd8, comfy/text_encoders/wan.py).
  static final String SENTENCE_PIECES = "spiece_model";

  private static final String WEIGHT = ".weight";

  private final String title;
  private final String prefix;
  private final Map<String, TensorSource> tensors;
  private final Notes notes;
  private final List<TensorFile> files;
  private final Set<String> taken;

  /// What the files say beside their tensors.
  ///
  /// @param metadata the text in their headers
  /// @param unread the names of tensors whose type is not read, with that type's name
  /// @param fullPrecision the layers whose products are to be in full precision although their
  ///   weights are stored in FP8
  /// @param surplus files that lie beside those that are used and look like the same network
  record Notes(
      Map<String, String> metadata,
      Map<String, String> unread,
      Set<String> fullPrecision,
      List<Path> surplus) {
    static final Notes NONE = new Notes(Map.of(), Map.of(), Set.of(), List.of());

    Notes {
      metadata = Map.copyOf(metadata);
      unread = Map.copyOf(unread);
      fullPrecision = Set.copyOf(fullPrecision);
      surplus = List.copyOf(surplus);
    }

    Notes renamed(UnaryOperator<String> translation) {
      Map<String, String> renamed = new LinkedHashMap<>();
      unread.forEach((name, type) -> renamed.put(translation.apply(name), type));
      return new Notes(metadata, renamed, fullPrecision, surplus);
    }

    Notes withFullPrecision(Set<String> layers) {
      return new Notes(metadata, unread, layers, surplus);
    }
  }

  /// Creates whole weights over given sources.
  Weights(
      String title,
      Map<String, ? extends TensorSource> tensors,
      Notes notes,
      List<TensorFile> files) {
    this(
        title,
        "",
        Collections.unmodifiableMap(new LinkedHashMap<>(tensors)),
        notes,
        List.copyOf(files),
        ConcurrentHashMap.newKeySet());
  }

  private Weights(
      String title,
      String prefix,
      Map<String, TensorSource> tensors,
      Notes notes,
      List<TensorFile> files,
      Set<String> taken) {
    this.title = title;
    this.prefix = prefix;
    this.tensors = tensors;
    this.notes = notes;
    this.files = files;
    this.taken = taken;
  }

  /// Opens a file of weights, or a folder that holds one network in one or many files, with the
  /// names as they are there; throws `InputException` when anything is missing or damaged.
  public static Weights open(Path fileOrFolder) {
    return TensorFolder.open(fileOrFolder);
  }

  /// Opens a file or folder and translates its names to those of the original network, whichever
  /// layout it has.
  public static Weights open(Path fileOrFolder, Naming naming) {
    Weights weights = open(fileOrFolder);
    try {
      return weights.renamed(naming);
    } catch (RuntimeException | Error e) {
      weights.close();
      throw e;
    }
  }

  /// Creates weights over given sources; the title names them in messages.
  public static Weights of(String title, Map<String, ? extends TensorSource> tensors) {
    return new Weights(title, tensors, Notes.NONE, List.of());
  }

  /// Creates weights that know shapes and types only, from a list of `[name, shape, dtype]` in
  /// JSON; reading an element throws `IllegalStateException`.
  public static Weights ofShapes(Path manifest) {
    return Manifest.read(manifest);
  }

  /// Creates weights that know names and shapes only, all of one type.
  public static Weights ofShapes(String title, Map<String, Shape> shapes, DType dtype) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> sources.put(name, new ShapeOnlySource(name, shape, dtype)));
    return of(title, sources);
  }

  /// Returns the part whose names begin with this one and a dot.
  public Weights at(String name) {
    return new Weights(title, prefix + name + ".", tensors, notes, files, taken);
  }

  /// Returns the part with this number, such as one block of a list.
  public Weights at(int index) {
    return at(Integer.toString(index));
  }

  /// Returns what these weights are called in messages, mostly their path.
  public String title() {
    return title;
  }

  /// Returns the text that came with the file, such as the format of quantised weights.
  public Map<String, String> metadata() {
    return notes.metadata();
  }

  /// Returns the full names of the layers whose products the files want in full precision although
  /// they store their weights in FP8.
  public Set<String> fullPrecision() {
    return notes.fullPrecision();
  }

  /// Returns files that lie beside those of the network, look like it too, and are not used.
  public List<Path> surplus() {
    return notes.surplus();
  }

  /// Returns the source of a tensor, which counts as used from now on; throws `InputException` when
  /// it is missing or has another shape.
  public TensorSource tensor(String name, long... sizes) {
    TensorSource source = tensor(name);
    Shape expected = Shape.of(sizes);
    if (!source.shape().equals(expected)) {
      throw new InputException(
          "%s holds %s with shape %s; expected %s: use the checkpoint that belongs to this configuration"
              .formatted(title, prefix + name, source.shape(), expected));
    }
    return source;
  }

  /// Returns the source of a tensor of any shape, which counts as used from now on; throws
  /// `InputException` when it is missing.
  public TensorSource tensor(String name) {
    TensorSource source = peek(name);
    taken.add(prefix + name);
    return source;
  }

  /// Returns the shape of a tensor without counting it as used; throws `InputException` when it is
  /// missing.
  public Shape shape(String name) {
    return peek(name).shape();
  }

  /// Returns the shape of a tensor of so many axes, none of them empty, without counting it as
  /// used; throws `InputException` when it is missing or has another shape.
  public Shape shape(String name, int rank) {
    Shape shape = shape(name);
    if (shape.rank() != rank || shape.count() == 0 || shape.count() > Integer.MAX_VALUE) {
      throw new InputException(
          "%s holds %s with shape %s; expected %d sizes of 1 or more: download it again"
              .formatted(title, prefix + name, shape, rank));
    }
    return shape;
  }

  /// Returns the element type of a tensor without counting it as used; throws `InputException` when
  /// it is missing.
  public DType dtype(String name) {
    return peek(name).dtype();
  }

  /// Returns the source of a tensor without counting it as used; throws `InputException` when it is
  /// missing.
  public TensorSource source(String name) {
    return peek(name);
  }

  private TensorSource peek(String name) {
    TensorSource source = tensors.get(prefix + name);
    String type = notes.unread().get(prefix + name);
    if (source == null && type != null) {
      throw new InputException(
          "%s holds %s as %s, which wan4j does not read; expected float64, float32, float16, bfloat16 or FP8: choose another version of it"
              .formatted(title, Quoted.of(prefix + name), Quoted.of(type)));
    }
    if (source == null) {
      throw new InputException(
          "%s has no tensor %s; expected the complete checkpoint of this network: download it again"
              .formatted(title, Quoted.of(prefix + name)));
    }
    return source;
  }

  /// Returns the full name of a tensor or layer of this part.
  public String path(String name) {
    return prefix + name;
  }

  /// Returns the weights that are stored as 8-bit floats, by the full name of their layer, without
  /// counting them as used.
  public Map<String, TensorSource> float8() {
    Map<String, TensorSource> found = new LinkedHashMap<>();
    tensors.forEach((name, source) -> {
      TensorSource codes = source instanceof ScaledSource scaled ? scaled.codes() : source;
      boolean isCode = codes.dtype() == DType.F8_E4M3 || codes.dtype() == DType.F8_E5M2;
      if (isCode && name.startsWith(prefix) && name.endsWith(WEIGHT)) {
        found.put(name.substring(0, name.length() - WEIGHT.length()), source);
      }
    });
    return found;
  }

  /// Says whether there is a tensor of this name.
  public boolean has(String name) {
    return tensors.containsKey(prefix + name);
  }

  /// Returns the names of the tensors of this part, without its own name, in the order of the file.
  public List<String> names() {
    List<String> names = new ArrayList<>();
    for (String name : tensors.keySet()) {
      if (name.startsWith(prefix)) {
        names.add(name.substring(prefix.length()));
      }
    }
    return names;
  }

  /// Returns how many numbered parts this part has: one more than the highest number that a name
  /// begins with.
  public int parts() {
    int parts = 0;
    for (String name : names()) {
      int dot = name.indexOf('.');
      if (dot > 0 && dot < 7 && name.chars().limit(dot).allMatch(c -> c >= '0' && c <= '9')) {
        parts = Math.max(parts, Integer.parseInt(name.substring(0, dot)) + 1);
      }
    }
    return parts;
  }

  /// Returns the full names of this part's tensors that no one has taken yet.
  public List<String> unused() {
    Set<String> left = new TreeSet<>();
    for (String name : tensors.keySet()) {
      if (name.startsWith(prefix) && !taken.contains(name) && !isRemark(name)) {
        left.add(name);
      }
    }
    return List.copyOf(left);
  }

  /// Throws `InputException` when this part holds tensors that no one has taken, because the
  /// checkpoint is then one of another network.
  public void requireAllUsed() {
    List<String> left = unused();
    if (!left.isEmpty()) {
      throw new InputException(
          "%s holds %d tensors that this network does not have, such as %s; expected a checkpoint of this very network: check the path"
              .formatted(title, left.size(), Quoted.of(left.getFirst())));
    }
  }

  /// Returns all the tensors under the names of the original network, 8-bit float weights with the
  /// scales that lie beside them multiplied in; names that are original already stay as they are.
  /// Throws `InputException` when a scale is missing or is none, or when weights are stored in a
  /// format that is not read.
  public Weights renamed(Naming naming) {
    Set<String> stored = new LinkedHashSet<>(tensors.keySet());
    stored.addAll(notes.unread().keySet());
    UnaryOperator<String> translation = naming.translation(stored);
    Map<String, TensorSource> original = naming.toOriginal(tensors, translation, title);
    Notes renamed = notes.renamed(translation);
    QuantisationRemarks remarks = QuantisationRemarks.of(original, metadata(), translation, title);
    OtherFormat.refuse(original, renamed.unread(), remarks.formats(), title);
    boolean isConverted = metadata().containsKey(RECIPE);
    return new Weights(
        title,
        JoinedSource.join(original, isConverted, title),
        renamed.withFullPrecision(isConverted ? Set.of() : remarks.fullPrecision()),
        files);
  }

  /// Returns the same weights with some tensors replaced by others of the same shapes.
  public Weights with(Map<String, ? extends TensorSource> replaced) {
    Map<String, TensorSource> changed = new LinkedHashMap<>(tensors);
    changed.putAll(replaced);
    return new Weights(title, changed, notes, files);
  }

  /// Says whether a tensor belongs to no layer but tells something of the file.
  static boolean isRemark(String name) {
    return name.equals(MARKER) || name.equals(SENTENCE_PIECES);
  }

  /// Returns all tensors by full name.
  Map<String, TensorSource> all() {
    return tensors;
  }

  /// Returns the paths of the files that hold the network.
  public List<Path> paths() {
    return files.stream().map(TensorFile::path).toList();
  }

  /// Closes the files behind the whole network; its sources can no longer be read.
  @Override
  public void close() {
    files.forEach(TensorFile::close);
  }

  @Override
  public String toString() {
    return title + (prefix.isEmpty() ? "" : " " + prefix.substring(0, prefix.length() - 1));
  }
}
