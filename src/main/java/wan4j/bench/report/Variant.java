package wan4j.bench.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.bench.measure.Measurement;

/// What one benchmark measured under one set of parameters. Results that differ only in who
/// computed them (the parameter `by`) belong to one variant, and their metrics name the
/// implementation.
record Variant(Map<String, Object> parameters, Map<String, Measurement> metrics) {
  /// The parameter that names the implementation of what is otherwise the same work.
  private static final String BY = "by";

  /// How the pages name our own implementation, which the files call ours.
  static final String OURS = "wan4j";

  /// Returns the variants of some results of one benchmark, in their order.
  static List<Variant> of(List<Measurement> results) {
    Map<Map<String, Object>, Variant> variants = new LinkedHashMap<>();
    for (Measurement result : results) {
      Map<String, Object> parameters = new LinkedHashMap<>(result.parameters());
      Object by = parameters.remove(BY);
      variants
          .computeIfAbsent(parameters, p -> new Variant(p, new LinkedHashMap<>()))
          .metrics
          .put(by == null ? result.metric() : metric(result.metric(), by.toString()), result);
    }
    return new ArrayList<>(variants.values());
  }

  private static String metric(String name, String by) {
    return name + ", " + (by.equals("ours") ? OURS : by);
  }

  /// Returns a parameter as the pages show it, or nothing where this variant has none. Sizes are
  /// written with a multiplication sign, since asterisks mean emphasis in Markdown.
  String parameter(String name) {
    Object value = parameters.get(name);
    return value == null ? "" : value.toString().replaceAll("(?<=\\d)[*x](?=\\d)", "×");
  }
}
