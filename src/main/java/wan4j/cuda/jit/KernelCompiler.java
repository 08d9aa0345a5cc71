package wan4j.cuda.jit;

import java.util.List;
import java.util.Map;

/// Turns CUDA C++ text into a cubin.
public interface KernelCompiler {
  /// Identifies this compiler's output, for the cache key.
  String version();

  /// Compiles `program`, named `name` in its messages; `headers` are texts by include name.
  byte[] compile(String name, String program, Map<String, String> headers, List<String> options);
}
