package wan4j.onnx;

import java.lang.module.Configuration;
import java.lang.module.FindException;
import java.lang.module.ModuleFinder;
import java.lang.module.ResolutionException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.files.InputFile;
import wan4j.tensor.InputException;

/// ONNX Runtime, which runs networks out of ONNX files. It is an optional part: with its native
/// library for every system it is as large as all the rest of wan4j, and only preprocessing needs
/// it. So it is no dependency: its jar is found when it is first needed and loaded in a module
/// layer of its own, through the few methods named here; the build for NVIDIA's GPUs has the same.
public final class OnnxRuntime {
  private static final String MODULE = "com.microsoft.onnxruntime";

  private final Reflected environment;
  private final Types types;
  private final String place;
  private final String whyNoGpu;

  private OnnxRuntime(Types types, Reflected environment, String place, String whyNoGpu) {
    this.types = types;
    this.environment = environment;
    this.place = place;
    this.whyNoGpu = whyNoGpu;
  }

  /// Which processors run the networks.
  public enum Processor {
    CPU,
    GPU,
    /// The GPU where the jar and the machine have what it needs.
    BEST
  }

  /// The classes of ONNX Runtime that are used.
  private record Types(Class<?> environment, Class<?> options, Class<?> tensor, Class<?> level) {
    static Types of(ClassLoader loader) throws ClassNotFoundException {
      return new Types(
          loader.loadClass("ai.onnxruntime.OrtEnvironment"),
          loader.loadClass("ai.onnxruntime.OrtSession$SessionOptions"),
          loader.loadClass("ai.onnxruntime.OnnxTensor"),
          loader.loadClass("ai.onnxruntime.OrtLoggingLevel"));
    }

    /// Returns the level at which next to nothing is told.
    Object silent() {
      return Arrays.stream(level.getEnumConstants())
          .filter(each -> each.toString().endsWith("FATAL"))
          .findFirst()
          .orElseThrow();
    }
  }

  /// Loads ONNX Runtime from a jar, or for null from where it is found; throws `InputException`,
  /// which says how to get it, when there is none, and when a GPU is asked for that it cannot use.
  public static OnnxRuntime load(Path jar, Processor processor) {
    Found found = jar == null ? found(processor) : ofJar(jar);
    Reflected environment = environment(found.types);
    String whyNoGpu =
        processor == Processor.CPU ? "processors were chosen" : whyNoGpu(found.types, environment);
    if (processor == Processor.GPU && whyNoGpu != null) {
      throw new InputException(
          "ONNX Runtime cannot use a GPU: %s, or run on processors with --device cpu"
              .formatted(whyNoGpu));
    }
    return new OnnxRuntime(found.types, environment, found.place, whyNoGpu);
  }

  /// The classes and where they are, in words.
  private record Found(Types types, String place) {}

  private static Found found(Processor processor) {
    try {
      ClassLoader own = ClassLoader.getSystemClassLoader(); // a program may bring its own
      return new Found(Types.of(own), "the class path");
    } catch (ClassNotFoundException e) {
      return ofJar(OnnxRuntimeJar.find(processor == Processor.CPU));
    }
  }

  @SuppressWarnings("restricted") // the library of that module is native
  private static Found ofJar(Path jar) {
    InputFile.require(jar, "the jar of ONNX Runtime");
    try {
      Configuration configuration =
          ModuleLayer.boot()
              .configuration()
              .resolve(ModuleFinder.of(jar), ModuleFinder.of(), List.of(MODULE));
      ModuleLayer.Controller controller =
          ModuleLayer.defineModulesWithOneLoader(
              configuration, List.of(ModuleLayer.boot()), ClassLoader.getSystemClassLoader());
      Module module = controller.layer().findModule(MODULE).orElseThrow();
      controller.enableNativeAccess(module);
      return new Found(Types.of(module.getClassLoader()), jar.toString());
    } catch (FindException | ResolutionException | ClassNotFoundException e) {
      throw new InputException(
          "%s is not a jar of ONNX Runtime (%s); give the file onnxruntime-%s.jar of Maven Central"
              .formatted(jar, e.getMessage(), OnnxRuntimeJar.VERSION),
          e);
    }
  }

  /// Returns the library's environment, which says nothing on standard error: what fails is told by
  /// exceptions too.
  private static Reflected environment(Types types) {
    try {
      return Reflected.of(types.environment)
          .call(
              "getEnvironment",
              Reflected.argument(types.level, types.silent()),
              Reflected.argument(String.class, "wan4j"));
    } catch (LinkageError e) {
      throw new InputException(
          "the native library of ONNX Runtime cannot be loaded (%s); see that the jar is for this system"
              .formatted(e.getMessage()),
          e);
    }
  }

  /// Returns why no GPU can be used and the cure, null when one can. A jar for GPUs names CUDA on
  /// machines without it too, so its part for CUDA is loaded, which takes seconds.
  private static String whyNoGpu(Types types, Reflected environment) {
    if (!environment.call("getAvailableProviders").target().toString().contains("CUDA")) {
      return "what was found is built for processors alone; name the jar of onnxruntime_gpu with"
          + " --onnxruntime";
    }
    Reflected options = Reflected.created(types.options);
    try {
      options.call("addCUDA", Reflected.argument(int.class, 0));
      return null;
    } catch (OnnxException e) {
      return "its part for CUDA cannot be loaded (%s); put CUDA 12 and cuDNN 9, for which it is built, on LD_LIBRARY_PATH"
          .formatted(e.getMessage());
    } finally {
      options.close();
    }
  }

  /// Says whether networks run on a GPU.
  public boolean usesGpu() {
    return whyNoGpu == null;
  }

  /// Returns its version, where it was found and what it runs networks on.
  public String description() {
    return "%s from %s, runs on %s"
        .formatted(
            environment.call("getVersion").target(),
            place,
            usesGpu() ? "a GPU" : "processors (%s)".formatted(whyNoGpu));
  }

  /// Opens a network; throws `InputException` when the file is missing or no ONNX file that can be
  /// run.
  public OnnxNetwork open(Path file) {
    InputFile.require(file, "a network in an ONNX file");
    Reflected options = Reflected.created(types.options);
    try {
      options.call("setSessionLogLevel", Reflected.argument(types.level, types.silent()));
      if (usesGpu()) {
        options.call("addCUDA", Reflected.argument(int.class, 0));
      }
      Reflected session =
          environment.call(
              "createSession",
              Reflected.argument(String.class, file.toString()),
              Reflected.argument(types.options, options.target()));
      return new OnnxNetwork(file, session, this);
    } catch (OnnxException e) {
      throw new InputException(
          "%s cannot be run by ONNX Runtime (%s); give a whole ONNX file%s"
              .formatted(
                  file,
                  e.getMessage(),
                  usesGpu() ? ", or run on processors with --device cpu" : ""),
          e);
    } finally {
      options.close();
    }
  }

  /// Returns a tensor of ONNX Runtime with a copy of the values.
  Reflected tensor(float[] values, long[] sizes) {
    FloatBuffer buffer =
        ByteBuffer.allocateDirect(Math.multiplyExact(values.length, Float.BYTES))
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer()
            .put(values)
            .flip();
    return Reflected.of(types.tensor)
        .call(
            "createTensor",
            Reflected.argument(types.environment, environment.target()),
            Reflected.argument(FloatBuffer.class, buffer),
            Reflected.argument(long[].class, sizes));
  }

  /// Returns the names of a session's inputs or outputs and their sizes, -1 where any will do.
  static Map<String, long[]> ports(Reflected session, String method) {
    Map<String, long[]> ports = new LinkedHashMap<>();
    Map<?, ?> all = (Map<?, ?>) session.call(method).target();
    all.forEach((name, node) -> {
      Reflected info = Reflected.of(node).call("getInfo");
      ports.put(
          (String) name,
          info.has("getShape") ? (long[]) info.call("getShape").target() : new long[0]);
    });
    return ports;
  }
}
