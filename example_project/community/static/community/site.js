// What goes wrong without a reload is done once more with one: then the answer of the server is seen, whatever it says.
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, (event) => event.target.closest("form")?.submit());
}
