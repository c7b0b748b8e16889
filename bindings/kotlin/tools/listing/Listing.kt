// Lists what is public in a jar, as Kotlin sees it: `bindings/api/kotlin.txt`. Sorted, one line for each name.
package vn.bienban.listing

import java.io.File
import java.net.URLClassLoader
import java.util.jar.JarFile
import kotlin.metadata.ClassKind
import kotlin.metadata.KmClass
import kotlin.metadata.KmClassifier
import kotlin.metadata.KmFunction
import kotlin.metadata.KmProperty
import kotlin.metadata.KmType
import kotlin.metadata.KmTypeParameter
import kotlin.metadata.KmValueParameter
import kotlin.metadata.Modality
import kotlin.metadata.Visibility
import kotlin.metadata.declaresDefaultValue
import kotlin.metadata.isData
import kotlin.metadata.isInline
import kotlin.metadata.isNullable
import kotlin.metadata.isSuspend
import kotlin.metadata.isVar
import kotlin.metadata.jvm.KotlinClassMetadata
import kotlin.metadata.kind
import kotlin.metadata.modality
import kotlin.metadata.visibility

private const val PACKAGE = "vn/bienban/"

/** What a data class has because it is one: `copy`, `component1` and the like follow from its constructor. */
private val OF_DATA = Regex("copy|component[0-9]+|equals|hashCode|toString")

private fun short(name: String) = name.removePrefix(PACKAGE).removePrefix("kotlin/collections/").removePrefix("kotlin/").replace('/', '.')

private fun shown(
    type: KmType,
    letters: Map<Int, String>,
): String {
    val arguments = type.arguments.map { it.type?.let { inner -> shown(inner, letters) } ?: "*" }
    val mark = if (type.isNullable) "?" else ""
    val name =
        when (val classifier = type.classifier) {
            is KmClassifier.Class -> short(classifier.name)
            is KmClassifier.TypeAlias -> short(classifier.name)
            is KmClassifier.TypeParameter -> letters[classifier.id] ?: "T"
        }
    if (name.startsWith("Function")) {
        // A suspending one has its continuation in the place before the last, and ends with any.
        val given = arguments.dropLast(if (type.isSuspend) 2 else 1)
        val back = if (type.isSuspend) arguments[arguments.size - 2].removePrefix("coroutines.Continuation<").removeSuffix(">") else arguments.last()
        return (if (type.isSuspend) "suspend " else "") + "(${given.joinToString()}) -> $back" + mark
    }
    return name + (if (arguments.isEmpty()) "" else arguments.joinToString(prefix = "<", postfix = ">")) + mark
}

private fun letters(
    parameters: List<KmTypeParameter>,
    outer: Map<Int, String>,
) = outer + parameters.associate { it.id to it.name }

private fun shown(
    parameters: List<KmValueParameter>,
    letters: Map<Int, String>,
) = parameters.joinToString(prefix = "(", postfix = ")") {
    "${it.name}: ${shown(it.type, letters)}${if (it.declaresDefaultValue) " = ..." else ""}"
}

private fun shown(
    function: KmFunction,
    outer: Map<Int, String>,
): String {
    val letters = letters(function.typeParameters, outer)
    val words = (if (function.isSuspend) "suspend " else "") + (if (function.isInline) "inline " else "")
    val types = function.typeParameters.joinToString { it.name + it.upperBounds.joinToString("") { one -> " : " + shown(one, letters) } }
    val receiver = function.receiverParameterType?.let { shown(it, letters) + "." }.orEmpty()
    return "${words}fun ${if (types.isEmpty()) "" else "<$types> "}$receiver${function.name}" +
        "${shown(function.valueParameters, letters)}: ${shown(function.returnType, letters)}"
}

private fun shown(
    property: KmProperty,
    letters: Map<Int, String>,
): String {
    val receiver = property.receiverParameterType?.let { shown(it, letters) + "." }.orEmpty()
    return "${if (property.isVar) "var" else "val"} $receiver${property.name}: ${shown(property.returnType, letters)}"
}

private fun isPublic(visibility: Visibility) = visibility == Visibility.PUBLIC || visibility == Visibility.PROTECTED

private fun listed(one: KmClass): List<String> {
    val name = short(one.name)
    val letters = letters(one.typeParameters, emptyMap())
    val kind =
        when (one.kind) {
            ClassKind.INTERFACE -> "interface"
            ClassKind.ENUM_CLASS -> "enum class"
            ClassKind.OBJECT -> "object"
            ClassKind.COMPANION_OBJECT -> "companion object"
            ClassKind.ANNOTATION_CLASS -> "annotation class"
            else -> "class"
        }
    val modality =
        when {
            one.kind == ClassKind.INTERFACE -> if (one.modality == Modality.SEALED) "sealed " else ""
            one.modality == Modality.FINAL -> ""
            else -> one.modality.name.lowercase() + " "
        }
    val supertypes =
        one.supertypes.map { shown(it, letters) }.filter { it != "Any" && !it.startsWith("Enum<") }.sorted()
    val head = "$modality${if (one.isData) "data " else ""}$kind $name" +
        (if (supertypes.isEmpty()) "" else supertypes.joinToString(prefix = " : "))
    val members = mutableListOf<String>()
    if (one.kind != ClassKind.ENUM_CLASS) {
        members += one.constructors.filter { isPublic(it.visibility) }.map { "constructor" + shown(it.valueParameters, letters) }
    }
    members += one.kmEnumEntries.map { "entry ${it.name}" }
    members += one.properties.filter { isPublic(it.visibility) }.map { shown(it, letters) }
    members +=
        one.functions
            .filter { isPublic(it.visibility) && !((one.isData || one.kind == ClassKind.OBJECT) && OF_DATA.matches(it.name)) }
            .map { shown(it, letters) }
    return listOf(head) + members.sorted().map { "$name: $it" }
}

fun main(words: Array<String>) {
    val jars = words.map { File(it) }
    val loader = URLClassLoader(jars.map { it.toURI().toURL() }.toTypedArray())
    val names =
        JarFile(jars.first()).use { jar ->
            jar.entries().toList().map { it.name }.filter { it.startsWith(PACKAGE) && it.endsWith(".class") }
        }
    val classes = sortedMapOf<String, List<String>>()
    val functions = mutableListOf<String>()
    val hidden = mutableSetOf<String>()
    for (name in names) {
        val loaded = Class.forName(name.removeSuffix(".class").replace('/', '.'), false, loader)
        val metadata = loaded.getAnnotation(Metadata::class.java) ?: continue
        when (val read = KotlinClassMetadata.readStrict(metadata)) {
            is KotlinClassMetadata.Class ->
                if (isPublic(read.kmClass.visibility)) classes[short(read.kmClass.name)] = listed(read.kmClass) else hidden += short(read.kmClass.name)
            is KotlinClassMetadata.FileFacade -> {
                functions += read.kmPackage.functions.filter { isPublic(it.visibility) }.map { shown(it, emptyMap()) }
                functions += read.kmPackage.properties.filter { isPublic(it.visibility) }.map { shown(it, emptyMap()) }
            }
            else -> Unit
        }
    }
    // What lies in something that is not public is not public either.
    val open = classes.filterKeys { name -> hidden.none { name.startsWith("$it.") } }
    (open.values.flatten() + functions.sorted()).forEach { println(it) }
}
