pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
        // Where `gradle publish` of bindings/kotlin puts it.
        maven { url = uri("../kotlin/build/maven") }
    }
}

rootProject.name = "bienban-sample"

include(":app")
