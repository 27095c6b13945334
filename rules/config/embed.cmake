# winnow_embed(TARGET NAME DIR [PATTERNS *.conf ...]): puts every file of DIR that matches into
# the target and defines `std::span<const EmbeddedFile> NAME()` (rules/config/embedded.h), sorted
# by path. The bytes come in by .incbin, so that large maps cost no compile time.
function(winnow_embed target name dir)
  cmake_parse_arguments(E "" "" "PATTERNS" ${ARGN})
  list(TRANSFORM E_PATTERNS PREPEND "${dir}/")
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${dir} ${E_PATTERNS})
  list(SORT files)
  set(code "// Made by rules/config/embed.cmake.\n#include \"rules/config/embedded.h\"\n\n")
  set(externs "")
  set(rows "")
  set(depends "")
  set(number 0)
  foreach(file ${files})
    set(label "winnow_${name}_${number}")
    string(APPEND code
      "asm(\".section .rodata\\n.balign 16\\n.globl ${label}\\n.hidden ${label}\\n"
      "${label}:\\n.incbin \\\"${dir}/${file}\\\"\\n"
      ".globl ${label}_end\\n.hidden ${label}_end\\n${label}_end:\\n.byte 0\\n.previous\\n\");\n")
    string(APPEND externs "extern const char ${label}[];\nextern const char ${label}_end[];\n")
    string(APPEND rows
      "      {\"${file}\", {${label}, static_cast<size_t>(${label}_end - ${label})}},\n")
    list(APPEND depends ${dir}/${file})
    math(EXPR number "${number} + 1")
  endforeach()
  string(APPEND code "extern \"C\" {\n${externs}}\n\nnamespace winnow {\n\n"
    "std::span<const EmbeddedFile> ${name}() {\n"
    "  static const EmbeddedFile files[] = {\n${rows}      {{}, {}}};\n"
    "  return {files, ${number}};\n}\n\n}  // namespace winnow\n")
  set(out ${CMAKE_BINARY_DIR}/generated/rules/config/${name}.cc)
  file(CONFIGURE OUTPUT ${out} CONTENT "${code}" @ONLY)
  set_source_files_properties(${out} TARGET_DIRECTORY ${target} PROPERTIES OBJECT_DEPENDS "${depends}")
  target_sources(${target} PRIVATE ${out})
endfunction()
