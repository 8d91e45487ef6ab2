# What `cmake --install` lays out.
include(GNUInstallDirs)
