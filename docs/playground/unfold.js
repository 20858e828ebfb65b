/* Open the settings where they fit beside the names. This runs before the page is painted, so that nothing moves. */
if (matchMedia("(min-width: 56rem)").matches) document.getElementById("more").open = true;
