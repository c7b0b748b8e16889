// The AAR: `vn.bienban:bienban`. Needs the Android SDK and NDK, Rust with its Android targets, and cargo-ndk; see README.md.
plugins {
    id("com.android.library") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.2.20"
    id("maven-publish")
}

/** The repository: cargo's workspace. */
val root = projectDir.parentFile.parentFile

group = "vn.bienban"
version = root.resolve("Cargo.toml").readLines().first { it.startsWith("version = ") }.split('"')[1]

val abis = providers.gradleProperty("bienban.abis").get().split(',')
val minSdkLevel = 26
val made = layout.buildDirectory.dir("bienban")

android {
    namespace = "vn.bienban"
    compileSdk = 36
    // 28 and newer lay libraries out for pages of 16 KB by themselves.
    ndkVersion = "28.2.13676358"

    defaultConfig {
        minSdk = minSdkLevel
        consumerProguardFiles("consumer-rules.pro")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    sourceSets.getByName("main") {
        manifest.srcFile("src/android/AndroidManifest.xml")
        kotlin.srcDirs("src/main/kotlin", "src/records/kotlin", "src/android/kotlin", made.map { it.dir("generated") })
        jniLibs.srcDirs(made.map { it.dir("jniLibs") })
    }
    publishing {
        singleVariant("release") { withSourcesJar() }
    }
}

kotlin {
    compilerOptions {
        jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17)
    }
}

dependencies {
    // 5.17 is the first whose own libraries are laid out for pages of 16 KB.
    implementation("net.java.dev.jna:jna:5.17.0@aar")
    // Flows and suspending calls are in the signatures.
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.10.2")
}

/**
 * The core for each kind of processor, small: the profile `mobile` unwinds, and must, since a panic becomes an error there; how it is
 * linked stands in `.cargo/config.toml`. As a shared library alone: beside its other types cargo leaves link-time optimisation out.
 */
val cargoNdk by tasks.registering(Exec::class) {
    workingDir = root
    environment("ANDROID_NDK_HOME", android.ndkDirectory.path)
    // It would replace what stands there, the size of pages among it.
    environment.remove("RUSTFLAGS")
    val targets = abis.flatMap { listOf("-t", it) }
    val out = made.get().dir("jniLibs").asFile.path
    commandLine(
        listOf("cargo", "ndk") + targets + listOf("--platform", "$minSdkLevel", "-o", out) +
            listOf("rustc", "--locked", "--profile", "mobile", "-p", "bienban-bindings", "--lib", "--crate-type", "cdylib"),
    )
    // cargo knows better than Gradle what is old.
    outputs.upToDateWhen { false }
}

/** The library of this machine, whose description of itself is not stripped. */
val cargoHost by tasks.registering(Exec::class) {
    workingDir = root
    commandLine("cargo", "build", "--locked", "-p", "bienban-bindings")
    outputs.upToDateWhen { false }
}

/** Kotlin's side of the calls, made by UniFFI from that description; with Android's own cleaner where there is one. */
val generate by tasks.registering {
    dependsOn(cargoHost)
    val out = made.get().dir("generated").asFile
    val config = made.get().file("uniffi.toml").asFile
    outputs.dir(out)
    outputs.upToDateWhen { false }
    doLast {
        val section = "[crates.bienban_bindings.bindings.kotlin]\n"
        val text = root.resolve("bindings/uniffi.toml").readText()
        check(section in text) { "bindings/uniffi.toml has no section for Kotlin" }
        config.parentFile.mkdirs()
        config.writeText(text.replace(section, section + "android = true\n"))
        out.deleteRecursively()
        val target = System.getenv("CARGO_TARGET_DIR")?.let { File(it) } ?: root.resolve("target")
        val name = System.mapLibraryName("bienban_bindings")
        val command =
            listOf("cargo", "run", "--locked", "--quiet", "-p", "bienban-bindgen", "--features", "cli", "--bin", "uniffi-bindgen", "--") +
                listOf("generate", "$target/debug/$name", "--config", "$config", "--language", "kotlin", "--out-dir", "$out", "--no-format")
        val code = ProcessBuilder(command).directory(root).inheritIO().start().waitFor()
        check(code == 0) { "the generator ended with $code" }
    }
}

/** No library leaves here that a phone with pages of 16 KB refuses. */
val checkPages by tasks.registering(Exec::class) {
    dependsOn(cargoNdk)
    // Phones of 32 bits have pages of 4 KB and keep them.
    val wide = abis.filter { it == "arm64-v8a" || it == "x86_64" }
    val libraries = wide.map { made.get().file("jniLibs/$it/libbienban_bindings.so").asFile.path }
    commandLine(listOf("python3", file("pages.py").path) + libraries)
    onlyIf { wide.isNotEmpty() }
}

tasks.named("preBuild") { dependsOn(generate, checkPages) }

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "bienban"
            afterEvaluate { from(components["release"]) }
            pom {
                name.set("Bienban")
                description.set("Offline inspection records for Android: the core as a library")
                licenses {
                    license { name.set("MIT OR Apache-2.0") }
                }
            }
        }
    }
    repositories {
        // A folder that any web server can offer: -Pbienban.repository=...
        maven {
            name = "folder"
            url = uri(providers.gradleProperty("bienban.repository").orElse(layout.buildDirectory.dir("maven").map { it.asFile.path }).get())
        }
    }
}
